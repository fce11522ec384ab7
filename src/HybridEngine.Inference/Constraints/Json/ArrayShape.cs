namespace HybridEngine.Inference;

/// <summary>One way to be an array: what holds of the items at each place, how many there are, and how many are of a kind.</summary>
internal sealed record ArrayShape
{
    public static ArrayShape Any { get; } = new();

    /// <summary>What holds of the first items.</summary>
    public IReadOnlyList<LiteralSet> Prefix { get; init; } = [];

    /// <summary>What holds of the items after them.</summary>
    public LiteralSet Others { get; init; } = LiteralSet.Any;

    public int Min { get; init; }

    /// <summary>Items at most; int.MaxValue where there is no limit.</summary>
    public int Max { get; init; } = int.MaxValue;

    public IReadOnlyList<ItemCount> Counts { get; init; } = [];

    public LiteralSet At(int index) => index < Prefix.Count ? Prefix[index] : Others;

    public ArrayShape And(ArrayShape other) => new()
    {
        Prefix = [.. Enumerable.Range(0, Math.Max(Prefix.Count, other.Prefix.Count)).Select(i => At(i).And(other.At(i)))],
        Others = Others.And(other.Others),
        Min = Math.Max(Min, other.Min),
        Max = Math.Min(Max, other.Max),
        Counts = [.. Counts, .. other.Counts],
    };
}

/// <summary>How many items from a place on are of a kind.</summary>
/// <param name="Kind">What holds of those that count.</param>
/// <param name="Other">What holds of those that do not; null where an item that could count need not be counted, since there is no most.</param>
/// <param name="From">The first place that counts.</param>
/// <param name="Min">At least.</param>
/// <param name="Max">At most; int.MaxValue where there is no limit.</param>
internal sealed record ItemCount(LiteralSet Kind, LiteralSet? Other, int From, int Min, int Max);
