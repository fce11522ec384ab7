namespace HybridEngine.Models;

/// <summary>Builds pre-tokenizers from the <c>pre_tokenizer</c> section.</summary>
internal static class PreTokenizerReader
{
    private const string Known = "Sequence, Split, ByteLevel, Metaspace, Digits, Whitespace, WhitespaceSplit, Punctuation, BertPreTokenizer, CharDelimiterSplit";

    public static IPreTokenizer? Read(JsonSection section) => section.IsNull ? null : section.Type switch
    {
        "Sequence" => new PreTokenizerSequence([.. section["pretokenizers"].Items().Select(item => Read(item) ?? throw item.Wrong("a pre-tokenizer"))]),
        "Split" => new SplitPreTokenizer(PatternReader.Read(section["pattern"]), Behavior(section["behavior"]), section.Flag("invert", false)),
        "ByteLevel" => new ByteLevelPreTokenizer(section.Flag("add_prefix_space", true), section.Flag("use_regex", true)),
        "Metaspace" => new MetaspacePreTokenizer(Character(section["replacement"]), Scheme(section), section.Flag("split", true)),
        "Digits" => Split(CodePoints.IsNumeric, section.Flag("individual_digits", false) ? SplitBehavior.Isolated : SplitBehavior.Contiguous),
        "Whitespace" => new SplitPreTokenizer(new PatternMatcher(@"\w+|[^\w\s]+", section.File), SplitBehavior.Removed, invert: true),
        "WhitespaceSplit" => Split(CodePoints.IsWhiteSpace, SplitBehavior.Removed),
        "Punctuation" => Split(CodePoints.IsPunctuation, section["behavior"] is { IsNull: false } behavior ? Behavior(behavior) : SplitBehavior.Isolated),
        "BertPreTokenizer" => new PreTokenizerSequence([Split(CodePoints.IsWhiteSpace, SplitBehavior.Removed), Split(CodePoints.IsPunctuation, SplitBehavior.Isolated)]),
        "CharDelimiterSplit" => SplitAt(Character(section["delimiter"])),
        var other => throw section.Unsupported($"pre-tokenizer '{other}'", Known),
    };

    /// <summary>The mark's scheme; older files say <c>add_prefix_space</c> instead.</summary>
    public static PrependScheme Scheme(JsonSection section)
    {
        if (section["prepend_scheme"] is not { IsNull: false } scheme) return section.Flag("add_prefix_space", true) ? PrependScheme.Always : PrependScheme.Never;
        return scheme.AsString() switch
        {
            "always" => PrependScheme.Always,
            "first" => PrependScheme.First,
            "never" => PrependScheme.Never,
            _ => throw scheme.Wrong("always, first or never"),
        };
    }

    public static int Character(JsonSection section)
    {
        int[] codes = CodePoints.Of(section.AsString());
        return codes.Length == 1 ? codes[0] : throw section.Wrong("one character");
    }

    private static SplitPreTokenizer Split(Func<int, bool> predicate, SplitBehavior behavior) => new(new CharacterMatcher(predicate), behavior);

    private static SplitPreTokenizer SplitAt(int delimiter) => Split(code => code == delimiter, SplitBehavior.Removed);

    private static SplitBehavior Behavior(JsonSection section) => section.AsString() switch
    {
        "Removed" => SplitBehavior.Removed,
        "Isolated" => SplitBehavior.Isolated,
        "MergedWithPrevious" => SplitBehavior.MergedWithPrevious,
        "MergedWithNext" => SplitBehavior.MergedWithNext,
        "Contiguous" => SplitBehavior.Contiguous,
        _ => throw section.Wrong("Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous"),
    };
}

/// <summary>Reads <c>{"String": ...}</c> or <c>{"Regex": ...}</c>.</summary>
internal static class PatternReader
{
    public static IMatcher Read(JsonSection section)
    {
        if (section["String"] is { IsNull: false } literal) return new LiteralMatcher(literal.AsString());
        if (section["Regex"] is { IsNull: false } regex) return new PatternMatcher(regex.AsString(), section.File);
        throw section.Wrong("{\"String\": ...} or {\"Regex\": ...}");
    }
}
