namespace HybridEngine.Inference;

/// <summary>What must hold of one value: schemas, each said or denied. Sorted, so that equal ones are found equal; the empty set allows any value.</summary>
internal sealed class LiteralSet : IEquatable<LiteralSet>
{
    private readonly int[] _literals;

    private LiteralSet(int[] literals) => _literals = literals;

    public static LiteralSet Any { get; } = new([]);

    /// <summary>Schema ids, doubled; odd where the schema is denied.</summary>
    public ReadOnlySpan<int> Literals => _literals;

    public static LiteralSet Of(Schema schema, bool denied = false) => schema.IsTrue && !denied ? Any : new([2 * schema.Id + (denied ? 1 : 0)]);

    public LiteralSet And(LiteralSet other) => _literals.Length == 0 ? other : other._literals.Length == 0 ? this : new([.. _literals.Concat(other._literals).Distinct().Order()]);

    public bool Equals(LiteralSet? other) => other is not null && _literals.AsSpan().SequenceEqual(other._literals);

    public override bool Equals(object? obj) => Equals(obj as LiteralSet);

    public override int GetHashCode()
    {
        HashCode hash = default;
        foreach (int literal in _literals) { hash.Add(literal); }
        return hash.ToHashCode();
    }
}
