namespace HybridEngine.Inference;

/// <summary>Writes a pattern with <c>^</c> and <c>$</c> as one without, for a text that must match as a whole.</summary>
/// <remarks>
/// Read <c>^</c> as a mark that only stands before the first character of a text. What remains of a pattern is then what matches without a mark,
/// or what is left of it after one leading mark: a derivative. <c>$</c> is the same from the right.
/// </remarks>
internal static class Anchors
{
    public static Pattern Resolve(Pattern pattern)
    {
        if (Contains(pattern, Pattern.Begin)) { pattern = Pattern.Choice(Without(pattern, Pattern.Begin), After(pattern, Pattern.Begin, fromRight: false)); }
        if (Contains(pattern, Pattern.End)) { pattern = Pattern.Choice(Without(pattern, Pattern.End), After(pattern, Pattern.End, fromRight: true)); }
        return pattern;
    }

    /// <summary>A pattern of which any part of a text may be a match, as JSON Schema's are: the pattern of those whole texts.</summary>
    public static Pattern ResolveSearch(Pattern pattern) => Resolve(Pattern.Sequence(Pattern.AnyText, pattern, Pattern.AnyText));

    private static bool Contains(Pattern pattern, Pattern mark) => pattern switch
    {
        SequencePattern sequence => sequence.Parts.Any(part => Contains(part, mark)),
        ChoicePattern choice => choice.Options.Any(option => Contains(option, mark)),
        RepeatPattern repeat => Contains(repeat.Part, mark),
        _ => pattern == mark,
    };

    /// <summary>The matches that use no mark.</summary>
    private static Pattern Without(Pattern pattern, Pattern mark) => pattern switch
    {
        SequencePattern sequence => Pattern.Sequence([.. sequence.Parts.Select(part => Without(part, mark))]),
        ChoicePattern choice => Pattern.Choice([.. choice.Options.Select(option => Without(option, mark))]),
        RepeatPattern repeat => Pattern.Repeat(Without(repeat.Part, mark), repeat.Min, repeat.Max),
        _ => pattern == mark ? Pattern.Nothing : pattern,
    };

    /// <summary>The matches that begin (or, from the right, end) with a mark and use no other, without that mark.</summary>
    private static Pattern After(Pattern pattern, Pattern mark, bool fromRight)
    {
        if (pattern == mark) { return Pattern.Empty; }
        switch (pattern)
        {
            case ChoicePattern choice:
                return Pattern.Choice([.. choice.Options.Select(option => After(option, mark, fromRight))]);
            case RepeatPattern repeat:
                Pattern first = After(repeat.Part, mark, fromRight);
                // A first part that may be empty (^ may stand at its place any number of times) leaves any number of times for the rest.
                int min = repeat.PartIsNullable || first.IsNullable ? 0 : Math.Max(repeat.Min - 1, 0);
                Pattern others = Pattern.Repeat(Without(repeat.Part, mark), min, repeat.Max == Pattern.NoLimit ? Pattern.NoLimit : repeat.Max - 1);
                return fromRight ? Pattern.Sequence(others, first) : Pattern.Sequence(first, others);
            case SequencePattern sequence:
                return AfterSequence(sequence, mark, fromRight);
            default:
                return Pattern.Nothing;
        }
    }

    private static Pattern AfterSequence(SequencePattern sequence, Pattern mark, bool fromRight)
    {
        var options = new List<Pattern>();
        int count = sequence.Parts.Length;
        for (int n = 0; n < count; n++)
        {
            int at = fromRight ? count - 1 - n : n;
            Pattern part = sequence.Parts[at];
            Pattern after = After(part, mark, fromRight);
            if (after is not NothingPattern)
            {
                IEnumerable<Pattern> rest = (fromRight ? sequence.Parts[..at] : sequence.Parts[(at + 1)..]).Select(other => Without(other, mark));
                options.Add(fromRight ? Pattern.Sequence([.. rest, after]) : Pattern.Sequence([after, .. rest]));
            }

            // What stands before a mark must be empty, or no more than a mark.
            if (!Without(part, mark).IsNullable && !after.IsNullable) { break; }
        }

        return Pattern.Choice([.. options]);
    }
}
