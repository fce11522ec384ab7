using System.Buffers.Binary;
using System.Text;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Reads llama2.c's vocabulary file: the longest token's length, then for each token its score, length and bytes.</summary>
internal static class Llama2CVocabulary
{
    private const string WordMark = "\u2581";
    private const int Unknown = 0, Bos = 1, Eos = 2, FirstByte = 3, FirstPiece = 259;

    public static Tokenizer Read(string file, ReadOnlySpan<byte> bytes)
    {
        var texts = new List<string>();
        var scores = new List<float>();
        for (int at = sizeof(int); at < bytes.Length;)
        {
            if (bytes.Length - at < 8) throw new InvalidInputException(file, $"{bytes.Length - at} bytes at offset {at}", "a token's score and length (8 bytes)");
            float score = BinaryPrimitives.ReadSingleLittleEndian(bytes[at..]);
            int length = BinaryPrimitives.ReadInt32LittleEndian(bytes[(at + 4)..]);
            at += 8;
            if (length < 0 || length > bytes.Length - at) throw new InvalidInputException(file, $"length {length} of token {texts.Count}", $"at most the {bytes.Length - at} bytes that are left");
            if (!float.IsFinite(score)) throw new InvalidInputException(file, $"score {score} of token {texts.Count}", "a finite number");
            texts.Add(Name(texts.Count, Encoding.UTF8.GetString(bytes.Slice(at, length))));
            scores.Add(score);
            at += length;
        }
        if (texts.Count <= FirstPiece) throw new InvalidInputException(file, $"{texts.Count} tokens", "more than the 259 that every llama2.c vocabulary begins with");
        return SentencePieceJson.Build(file, texts, scores, Enumerable.Range(0, texts.Count).Where(id => id < FirstByte).ToHashSet(), new SentencePieceOptions(Bos, Eos, Unknown));
    }

    /// <summary>The first tokens have fixed roles; in the others the file writes word marks as spaces.</summary>
    private static string Name(int id, string text) => id switch
    {
        Unknown => "<unk>",
        Bos => "<s>",
        Eos => "</s>",
        < FirstPiece => $"<0x{id - FirstByte:X2}>",
        _ => text.Replace(" ", WordMark, StringComparison.Ordinal),
    };
}
