namespace HybridEngine.Inference;

/// <summary>
/// The values without parts that a schema allows, as texts. <see cref="Bare"/>: null, true, false and numbers without exponent; <see cref="Quoted"/>: strings, without their quotes.
/// Numbers with an exponent are one more kind: <see cref="ExponentMust"/> where each is allowed for sure, <see cref="ExponentMay"/> where some might be.
/// What is not sure is not written: a bound makes numbers plain.
/// </summary>
internal sealed record ScalarTexts(Dfa Bare, Dfa Quoted, bool ExponentMust, bool ExponentMay)
{
    private static readonly DfaLimit Unlimited = new("json_schema", "a scalar");

    public static Dfa Null { get; } = FromRegex("null");

    public static Dfa Boolean { get; } = FromRegex("true|false");

    public static Dfa Number { get; } = FromRegex(@"-?(0|[1-9][0-9]*)(\.[0-9]+)?");

    /// <summary>Numbers with an exponent.</summary>
    public static Dfa Exponent { get; } = FromRegex(@"-?(0|[1-9][0-9]*)(\.[0-9]+)?[eE][+-]?[0-9]+");

    public static Dfa AnyString { get; } = PatternDfa.Build(Pattern.AnyText, Unlimited);

    private static Dfa AnyBare { get; } = FromRegex(@"null|true|false|-?(0|[1-9][0-9]*)(\.[0-9]+)?");

    public static ScalarTexts All { get; } = new(AnyBare, AnyString, true, true);

    public static ScalarTexts Nothing { get; } = new(Dfa.Empty, Dfa.Empty, false, false);

    public bool IsEmpty => Bare.IsEmpty && Quoted.IsEmpty && !ExponentMust;

    /// <summary>Numbers limited by a language; everything else as it is.</summary>
    public static ScalarTexts Numbers(Dfa numbers, DfaLimit limit) => new(AnyBare.Except(Number, limit).Union(numbers, limit), AnyString, false, true);

    /// <summary>Strings limited by a language; everything else as it is.</summary>
    public static ScalarTexts Strings(Dfa strings) => All with { Quoted = strings };

    public ScalarTexts And(ScalarTexts other, DfaLimit limit) => ReferenceEquals(this, All) ? other : ReferenceEquals(other, All) ? this : new(
        Same(Bare, other.Bare, AnyBare) ?? Bare.Intersect(other.Bare, limit),
        Same(Quoted, other.Quoted, AnyString) ?? Quoted.Intersect(other.Quoted, limit),
        ExponentMust && other.ExponentMust,
        ExponentMay && other.ExponentMay);

    public ScalarTexts Or(ScalarTexts other, DfaLimit limit) => new(Bare.Union(other.Bare, limit), Quoted.Union(other.Quoted, limit), ExponentMust || other.ExponentMust, ExponentMay || other.ExponentMay);

    public ScalarTexts Not(DfaLimit limit) => new(AnyBare.Except(Bare, limit), AnyString.Except(Quoted, limit), !ExponentMay, !ExponentMust);

    /// <summary>The intersection where it needs no work.</summary>
    private static Dfa? Same(Dfa a, Dfa b, Dfa all) => ReferenceEquals(a, b) || ReferenceEquals(b, all) ? a : ReferenceEquals(a, all) ? b : null;

    private static Dfa FromRegex(string pattern) => PatternDfa.Build(RegexParser.Parse(pattern, RegexDialect.Ecma, "json"), Unlimited);
}
