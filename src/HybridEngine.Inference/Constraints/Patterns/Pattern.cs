namespace HybridEngine.Inference;

/// <summary>What regular expressions and grammars are read into: sets of characters put together. Made by the functions of this class, which drop what can match nothing.</summary>
internal abstract record Pattern
{
    public const int NoLimit = -1;

    /// <summary>Matches nothing, not even the empty text.</summary>
    public static readonly Pattern Nothing = new NothingPattern();

    /// <summary>Matches the empty text.</summary>
    public static readonly Pattern Empty = new EmptyPattern();

    /// <summary>The start of the text, as <c>^</c>.</summary>
    public static readonly Pattern Begin = new BeginPattern();

    /// <summary>The end of the text, as <c>$</c>.</summary>
    public static readonly Pattern End = new EndPattern();

    /// <summary>Any text.</summary>
    public static readonly Pattern AnyText = Repeat(Set(CodePointSet.All), 0, NoLimit);

    public static Pattern Set(CodePointSet set) => set.IsEmpty ? Nothing : new SetPattern(set);

    public static Pattern Literal(string text) => Sequence([.. text.EnumerateRunes().Select(rune => Set(CodePointSet.Of(rune.Value)))]);

    public static Pattern Sequence(params ReadOnlySpan<Pattern> parts)
    {
        var kept = new List<Pattern>(parts.Length);
        foreach (Pattern part in parts)
        {
            switch (part)
            {
                case NothingPattern: return Nothing;
                case EmptyPattern: break;
                case BeginPattern or EndPattern when kept.Count > 0 && kept[^1] == part: break;
                case SequencePattern inner: kept.AddRange(inner.Parts); break;
                default: kept.Add(part); break;
            }
        }

        return kept.Count switch { 0 => Empty, 1 => kept[0], _ => new SequencePattern([.. kept]) };
    }

    public static Pattern Choice(params ReadOnlySpan<Pattern> options)
    {
        var kept = new List<Pattern>(options.Length);
        foreach (Pattern option in options)
        {
            if (option is not NothingPattern) { kept.Add(option); }
        }

        return kept.Count switch { 0 => Nothing, 1 => kept[0], _ => new ChoicePattern([.. kept]) };
    }

    public static Pattern Repeat(Pattern part, int min, int max)
    {
        if (max == 0) { return Empty; }
        if (part is NothingPattern) { return min == 0 ? Empty : Nothing; }
        if (part is EmptyPattern || (min == 1 && max == 1)) { return part; }
        return new RepeatPattern(part, min, max, part.IsNullable);
    }

    public static Pattern Reference(string rule) => new ReferencePattern(rule);

    /// <summary>The pattern with only the characters of an alphabet.</summary>
    public Pattern Restrict(CodePointSet alphabet) => this switch
    {
        _ when ReferenceEquals(alphabet, CodePointSet.All) => this,
        SetPattern set => Set(set.Characters.Intersect(alphabet)),
        SequencePattern sequence => Sequence([.. sequence.Parts.Select(part => part.Restrict(alphabet))]),
        ChoicePattern choice => Choice([.. choice.Options.Select(option => option.Restrict(alphabet))]),
        RepeatPattern repeat => Repeat(repeat.Part.Restrict(alphabet), repeat.Min, repeat.Max),
        _ => this,
    };

    /// <summary>Whether the empty text matches, anchors and rules set aside.</summary>
    public abstract bool IsNullable { get; }
}

internal sealed record NothingPattern : Pattern
{
    public override bool IsNullable => false;
}

internal sealed record EmptyPattern : Pattern
{
    public override bool IsNullable => true;
}

internal sealed record BeginPattern : Pattern
{
    public override bool IsNullable => false;
}

internal sealed record EndPattern : Pattern
{
    public override bool IsNullable => false;
}

internal sealed record SetPattern(CodePointSet Characters) : Pattern
{
    public override bool IsNullable => false;
}

internal sealed record SequencePattern(Pattern[] Parts) : Pattern
{
    public override bool IsNullable { get; } = Parts.All(part => part.IsNullable);
}

internal sealed record ChoicePattern(Pattern[] Options) : Pattern
{
    public override bool IsNullable { get; } = Options.Any(option => option.IsNullable);
}

/// <param name="Part">What is repeated.</param>
/// <param name="Min">Times at least.</param>
/// <param name="Max">Times at most, or <see cref="Pattern.NoLimit"/>.</param>
/// <param name="PartIsNullable">Whether the part matches the empty text.</param>
internal sealed record RepeatPattern(Pattern Part, int Min, int Max, bool PartIsNullable) : Pattern
{
    public override bool IsNullable => Min == 0 || PartIsNullable;
}

/// <summary>A rule of a grammar, by name.</summary>
internal sealed record ReferencePattern(string Rule) : Pattern
{
    public override bool IsNullable => false;
}
