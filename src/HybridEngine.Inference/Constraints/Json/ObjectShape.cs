namespace HybridEngine.Inference;

/// <summary>One way to be an object: what holds of the members by their names, which must and which must not be there, and how many there are.</summary>
internal sealed record ObjectShape
{
    public static ObjectShape Any { get; } = new();

    /// <summary>What holds of members; all of them apply.</summary>
    public IReadOnlyList<MemberRule> Rules { get; init; } = [];

    public IReadOnlyList<string> Required { get; init; } = [];

    public IReadOnlyList<string> Forbidden { get; init; } = [];

    /// <summary>What every name must be, as languages of names.</summary>
    public IReadOnlyList<Dfa> Names { get; init; } = [];

    /// <summary>Members of which at least one must be there.</summary>
    public IReadOnlyList<MemberWitness> Witnesses { get; init; } = [];

    public int Min { get; init; }

    /// <summary>Members at most; int.MaxValue where there is no limit.</summary>
    public int Max { get; init; } = int.MaxValue;

    public ObjectShape And(ObjectShape other) => new()
    {
        Rules = [.. Rules, .. other.Rules],
        Required = [.. Required.Union(other.Required, StringComparer.Ordinal)],
        Forbidden = [.. Forbidden.Union(other.Forbidden, StringComparer.Ordinal)],
        Names = [.. Names.Union(other.Names)],
        Witnesses = [.. Witnesses, .. other.Witnesses],
        Min = Math.Max(Min, other.Min),
        Max = Math.Min(Max, other.Max),
    };
}

/// <summary>What <c>properties</c>, <c>patternProperties</c> and <c>additionalProperties</c> of one schema say.</summary>
/// <param name="Named">By name.</param>
/// <param name="Patterns">By languages of names.</param>
/// <param name="Others">Of members that neither speaks of.</param>
internal sealed record MemberRule(IReadOnlyDictionary<string, LiteralSet> Named, IReadOnlyList<(Dfa Names, LiteralSet Value)> Patterns, LiteralSet Others)
{
    public static MemberRule OfOne(string name, LiteralSet value) => new(new Dictionary<string, LiteralSet>(StringComparer.Ordinal) { [name] = value }, [], LiteralSet.Any);

    /// <summary>What holds of a member, given its name, if it is one that shapes name, and which patterns it matches.</summary>
    public LiteralSet For(string? name, Func<Dfa, bool> matches)
    {
        LiteralSet value = LiteralSet.Any;
        bool spoken = name is not null && Named.TryGetValue(name, out value!);
        value = spoken ? value : LiteralSet.Any;
        foreach ((Dfa names, LiteralSet pattern) in Patterns)
        {
            if (matches(names)) { (value, spoken) = (value.And(pattern), true); }
        }

        return spoken ? value : Others;
    }
}

/// <summary>A member that must be there: some name of a language, with a value of which something holds.</summary>
/// <param name="Names">Its names.</param>
/// <param name="Except">Names that it may not have.</param>
/// <param name="Value">What holds of its value.</param>
internal sealed record MemberWitness(Dfa Names, IReadOnlyList<Dfa> Except, LiteralSet Value);
