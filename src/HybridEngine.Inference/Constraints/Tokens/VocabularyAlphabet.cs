using System.Text;

namespace HybridEngine.Inference;

/// <summary>
/// Makes sure that a text can always go on. With a token for every byte that UTF-8 uses, anything can be written. A vocabulary that lacks some
/// (a word list without byte fallback) is used by whole characters: those it has as one token, or byte by byte.
/// </summary>
internal static class VocabularyAlphabet
{
    /// <summary>Takes away tokens that could lead where no token goes on.</summary>
    /// <param name="tokens">Bytes by token id; those taken away become empty.</param>
    /// <returns>The characters that can be written.</returns>
    public static CodePointSet Restrict(byte[][] tokens)
    {
        var single = new bool[256];
        foreach (byte[] token in tokens)
        {
            if (token.Length == 1) { single[token[0]] = true; }
        }

        if (UsedByUtf8().All(value => single[value])) { return CodePointSet.All; }
        var ranges = new List<(int, int)>();
        for (int id = 0; id < tokens.Length; id++)
        {
            if (!IsWholeCharacters(tokens[id], out int characters, out int first)) { tokens[id] = []; }
            else if (characters == 1) { ranges.Add((first, first)); }
        }

        return CodePointSet.Of(ranges);
    }

    private static IEnumerable<int> UsedByUtf8() => Enumerable.Range(0, 0xC0).Concat(Enumerable.Range(0xC2, 0xF5 - 0xC2));

    private static bool IsWholeCharacters(ReadOnlySpan<byte> bytes, out int characters, out int first)
    {
        (characters, first) = (0, 0);
        while (!bytes.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(bytes, out Rune rune, out int used) != System.Buffers.OperationStatus.Done) { return false; }
            if (characters++ == 0) { first = rune.Value; }
            bytes = bytes[used..];
        }

        return true;
    }
}
