namespace HybridEngine.Inference;

/// <summary>A range of code points as sequences of byte ranges: a text is in the range exactly where its UTF-8 bytes lie, one by one, in those of one sequence.</summary>
/// <remarks>The cutting is that of Rust's utf8-ranges and RE2: at lengths first, then wherever a range does not cover whole blocks of 64.</remarks>
internal static class Utf8Ranges
{
    private static readonly int[] LastOfLength = [0x7F, 0x7FF, 0xFFFF, 0x10FFFF];

    public static IEnumerable<(byte Low, byte High)[]> Split(CodePointSet set)
    {
        foreach ((int low, int high) in set.Ranges.ToArray())
        {
            foreach ((byte, byte)[] sequence in Split(low, high)) { yield return sequence; }
        }
    }

    private static IEnumerable<(byte Low, byte High)[]> Split(int low, int high)
    {
        var open = new Stack<(int Low, int High)>();
        open.Push((low, high));
        while (open.TryPop(out (int Low, int High) range))
        {
            if (Cut(range.Low, range.High) is { } last)
            {
                open.Push((last + 1, range.High));
                open.Push((range.Low, last));
                continue;
            }

            yield return Pair(range.Low, range.High);
        }
    }

    /// <summary>Where a range must be cut: the last code point of its first part, or null where one sequence says it all.</summary>
    private static int? Cut(int low, int high)
    {
        foreach (int last in LastOfLength)
        {
            if (low <= last && last < high) { return last; }
        }

        if (high <= 0x7F) { return null; }
        for (int shift = 6; shift <= 18; shift += 6)
        {
            int mask = (1 << shift) - 1;
            if ((low & ~mask) == (high & ~mask)) { continue; }
            if ((low & mask) != 0) { return low | mask; }
            if ((high & mask) != mask) { return (high & ~mask) - 1; }
        }

        return null;
    }

    private static (byte, byte)[] Pair(int low, int high)
    {
        Span<byte> first = stackalloc byte[4], last = stackalloc byte[4];
        int length = new System.Text.Rune(low).EncodeToUtf8(first);
        new System.Text.Rune(high).EncodeToUtf8(last);
        var ranges = new (byte, byte)[length];
        for (int i = 0; i < length; i++) { ranges[i] = (first[i], last[i]); }
        return ranges;
    }
}
