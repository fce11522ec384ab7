namespace HybridEngine.Inference;

/// <summary>A set of Unicode scalar values: sorted, disjoint, non-adjacent ranges. Surrogates are never members, since no UTF-8 text holds them.</summary>
internal sealed class CodePointSet : IEquatable<CodePointSet>
{
    private const int Last = 0x10FFFF, FirstSurrogate = 0xD800, LastSurrogate = 0xDFFF;

    private readonly (int Low, int High)[] _ranges;

    private CodePointSet((int, int)[] ranges) => _ranges = ranges;

    public static CodePointSet Empty { get; } = new([]);

    public static CodePointSet All { get; } = new([(0, FirstSurrogate - 1), (LastSurrogate + 1, Last)]);

    public ReadOnlySpan<(int Low, int High)> Ranges => _ranges;

    public bool IsEmpty => _ranges.Length == 0;

    public static CodePointSet Of(int codePoint) => Of(codePoint, codePoint);

    public static CodePointSet Of(int low, int high) => Of([(low, high)]);

    /// <summary>The union of ranges in any order; surrogates are left out.</summary>
    public static CodePointSet Of(IEnumerable<(int Low, int High)> ranges)
    {
        var parts = new List<(int Low, int High)>();
        foreach ((int low, int high) in ranges)
        {
            AddPart(parts, low, Math.Min(high, FirstSurrogate - 1));
            AddPart(parts, Math.Max(low, LastSurrogate + 1), high);
        }

        parts.Sort();
        var merged = new List<(int Low, int High)>(parts.Count);
        foreach ((int low, int high) in parts)
        {
            if (merged.Count > 0 && low <= merged[^1].High + 1) { merged[^1] = (merged[^1].Low, Math.Max(high, merged[^1].High)); }
            else { merged.Add((low, high)); }
        }

        return new CodePointSet([.. merged]);
    }

    public static CodePointSet OfCharacters(string characters) => Of(characters.EnumerateRunes().Select(rune => (rune.Value, rune.Value)));

    public CodePointSet Union(CodePointSet other) => Of(_ranges.Concat(other._ranges));

    public CodePointSet Complement()
    {
        var gaps = new List<(int, int)>();
        int next = 0;
        foreach ((int low, int high) in _ranges)
        {
            if (low > next) { gaps.Add((next, low - 1)); }
            next = high + 1;
        }

        if (next <= Last) { gaps.Add((next, Last)); }
        return Of(gaps);
    }

    public CodePointSet Intersect(CodePointSet other)
    {
        var both = new List<(int, int)>();
        int i = 0, j = 0;
        while (i < _ranges.Length && j < other._ranges.Length)
        {
            int low = Math.Max(_ranges[i].Low, other._ranges[j].Low), high = Math.Min(_ranges[i].High, other._ranges[j].High);
            if (low <= high) { both.Add((low, high)); }
            if (_ranges[i].High < other._ranges[j].High) { i++; }
            else { j++; }
        }

        return new CodePointSet([.. both]);
    }

    public CodePointSet Except(CodePointSet other) => Intersect(other.Complement());

    public bool Contains(int codePoint) => Overlaps(codePoint, codePoint);

    /// <summary>Whether any member lies in <c>[low, high]</c>.</summary>
    public bool Overlaps(int low, int high)
    {
        int first = 0, last = _ranges.Length;
        while (first < last)
        {
            int middle = (first + last) / 2;
            if (_ranges[middle].High < low) { first = middle + 1; }
            else { last = middle; }
        }

        return first < _ranges.Length && _ranges[first].Low <= high;
    }

    public bool Equals(CodePointSet? other) => other is not null && _ranges.AsSpan().SequenceEqual(other._ranges);

    public override bool Equals(object? obj) => Equals(obj as CodePointSet);

    public override int GetHashCode()
    {
        HashCode hash = default;
        foreach ((int low, int high) in _ranges) { hash.Add(low); hash.Add(high); }
        return hash.ToHashCode();
    }

    private static void AddPart(List<(int, int)> parts, int low, int high)
    {
        if (low <= high && low <= Last) { parts.Add((low, Math.Min(high, Last))); }
    }
}
