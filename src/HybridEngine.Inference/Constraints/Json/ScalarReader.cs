using System.Text.Json;
using HybridEngine.Core;

namespace HybridEngine.Inference;

/// <summary>Finds the values without parts that a schema allows: every keyword is a regular language, and schemas put together are these put together.</summary>
internal sealed class ScalarReader(SchemaDocument document)
{
    private const int DeepestReferences = 200;

    private readonly Dictionary<int, ScalarTexts> _known = [];
    private readonly HashSet<int> _open = [];
    private readonly DfaLimit _limit = new("json_schema", "a schema");

    public DfaLimit Limit => _limit;

    public ScalarTexts Not(ScalarTexts texts) => texts.Not(_limit);

    public ScalarTexts And(ScalarTexts a, ScalarTexts b) => a.And(b, _limit);

    public ScalarTexts Read(Schema schema)
    {
        if (schema.IsTrue) { return ScalarTexts.All; }
        if (schema.IsFalse) { return ScalarTexts.Nothing; }
        if (_known.TryGetValue(schema.Id, out ScalarTexts? known)) { return known; }
        if (!_open.Add(schema.Id) || _open.Count > DeepestReferences) { throw new InvalidInputException(schema.Source, "a $ref that leads back to itself without a value between", "a schema that ends"); }
        SchemaKeywords.Check(schema);
        ScalarTexts all = ScalarTexts.All;
        foreach (ScalarTexts part in Parts(schema)) { all = all.And(part, _limit); }
        _open.Remove(schema.Id);
        return _known[schema.Id] = all;
    }

    private IEnumerable<ScalarTexts> Parts(Schema schema)
    {
        if (schema.Has("type", out JsonElement type)) { yield return Types(SchemaTypes.Read(schema, type), schema); }
        foreach (ScalarTexts part in Numbers(schema).Concat(Strings(schema)).Concat(Together(schema))) { yield return part; }
        if (schema.Has("const", out JsonElement constant)) { yield return Values([constant], schema, "const"); }
        if (schema.Has("enum", JsonValueKind.Array, "a list of values", out JsonElement values)) { yield return Values([.. values.EnumerateArray()], schema, "enum"); }
    }

    private ScalarTexts Types(SchemaTypes types, Schema schema)
    {
        Name(schema, "type");
        Dfa bare = Dfa.Empty;
        if (types.HasFlag(SchemaTypes.Null)) { bare = bare.Union(ScalarTexts.Null, _limit); }
        if (types.HasFlag(SchemaTypes.Boolean)) { bare = bare.Union(ScalarTexts.Boolean, _limit); }
        bool number = types.HasFlag(SchemaTypes.Number), integer = types.HasFlag(SchemaTypes.Integer);
        if (number) { bare = bare.Union(ScalarTexts.Number, _limit); }
        else if (integer) { bare = bare.Union(JsonNumberTexts.MultiplesOf(new JsonDecimal(false, "1", ""), _limit), _limit); }
        return new ScalarTexts(bare, types.HasFlag(SchemaTypes.String) ? ScalarTexts.AnyString : Dfa.Empty, number, number || integer);
    }

    private IEnumerable<ScalarTexts> Numbers(Schema schema)
    {
        if (Bound(schema, "minimum") is { } low) { yield return Compared(low, IsTrue(schema, "exclusiveMinimum") ? order => order > 0 : order => order >= 0); }
        if (Bound(schema, "maximum") is { } high) { yield return Compared(high, IsTrue(schema, "exclusiveMaximum") ? order => order < 0 : order => order <= 0); }
        if (!IsTrue(schema, "exclusiveMinimum") && Bound(schema, "exclusiveMinimum") is { } above) { yield return Compared(above, order => order > 0); }
        if (!IsTrue(schema, "exclusiveMaximum") && Bound(schema, "exclusiveMaximum") is { } below) { yield return Compared(below, order => order < 0); }
        if (Bound(schema, "multipleOf") is { } unit)
        {
            if (unit.Negative || unit.IsZero) { throw schema.Wrong("multipleOf", schema.Element.GetProperty("multipleOf"), "a number above 0"); }
            yield return ScalarTexts.Numbers(JsonNumberTexts.MultiplesOf(unit, _limit), _limit);
        }
    }

    private ScalarTexts Compared(JsonDecimal bound, Func<int, bool> condition) => ScalarTexts.Numbers(JsonNumberTexts.Compared(bound, condition, _limit), _limit);

    /// <summary>A bound's number; draft 4 wrote exclusiveMinimum as a boolean beside minimum.</summary>
    private JsonDecimal? Bound(Schema schema, string keyword)
    {
        if (!schema.Has(keyword, out JsonElement value) || (value.ValueKind is JsonValueKind.True or JsonValueKind.False && keyword.StartsWith("exclusive", StringComparison.Ordinal))) { return null; }
        Name(schema, keyword);
        return value.ValueKind == JsonValueKind.Number ? JsonNumberTexts.Read(value.GetRawText(), schema.Source) : throw schema.Wrong(keyword, value, "a number");
    }

    private static bool IsTrue(Schema schema, string keyword) => schema.Has(keyword, out JsonElement value) && value.ValueKind == JsonValueKind.True;

    private IEnumerable<ScalarTexts> Strings(Schema schema)
    {
        int? min = schema.Count("minLength"), max = schema.Count("maxLength");
        if (min is > 0 || max is not null)
        {
            Name(schema, max is not null ? "maxLength" : "minLength");
            Pattern lengths = max < min ? Pattern.Nothing : Pattern.Repeat(Pattern.Set(CodePointSet.All), min ?? 0, max ?? Pattern.NoLimit);
            yield return ScalarTexts.Strings(PatternDfa.Build(lengths, _limit));
        }

        if (schema.Has("pattern", JsonValueKind.String, "a regular expression", out JsonElement pattern)) { yield return ScalarTexts.Strings(Search(schema, "pattern", pattern.GetString()!)); }
        if (schema.Has("format", JsonValueKind.String, "the name of a format", out JsonElement format) && StringFormats.Find(format.GetString()!, schema.Source) is { } texts) { yield return ScalarTexts.Strings(texts); }
    }

    /// <summary>The texts in which a pattern matches somewhere.</summary>
    public Dfa Search(Schema schema, string keyword, string pattern)
    {
        Name(schema, keyword);
        return PatternDfa.Build(Anchors.ResolveSearch(RegexParser.Parse(pattern, RegexDialect.Ecma, $"{schema.Source}, {keyword}")), _limit);
    }

    private IEnumerable<ScalarTexts> Together(Schema schema)
    {
        if (schema.Has("$ref", JsonValueKind.String, "a reference", out JsonElement reference)) { yield return Read(document.Resolve(schema, reference.GetString()!)); }
        if (schema.Has("allOf", out JsonElement all))
        {
            foreach (Schema part in document.Children(schema, "allOf", all)) { yield return Read(part); }
        }

        if (schema.Has("anyOf", out JsonElement any)) { yield return document.Children(schema, "anyOf", any).Aggregate(ScalarTexts.Nothing, (texts, part) => texts.Or(Read(part), _limit)); }
        if (schema.Has("oneOf", out JsonElement one)) { yield return ExactlyOne([.. document.Children(schema, "oneOf", one).Select(Read)]); }
        if (schema.Has("not")) { yield return Read(document.Child(schema, "not")).Not(_limit); }
        if (schema.Has("if") && (schema.Has("then") || schema.Has("else")))
        {
            ScalarTexts condition = Read(document.Child(schema, "if"));
            ScalarTexts then = schema.Has("then") ? Read(document.Child(schema, "then")) : ScalarTexts.All;
            ScalarTexts otherwise = schema.Has("else") ? Read(document.Child(schema, "else")) : ScalarTexts.All;
            yield return condition.And(then, _limit).Or(condition.Not(_limit).And(otherwise, _limit), _limit);
        }
    }

    private ScalarTexts ExactlyOne(ScalarTexts[] parts)
    {
        ScalarTexts none = ScalarTexts.All, one = ScalarTexts.Nothing;
        foreach (ScalarTexts part in parts)
        {
            ScalarTexts not = part.Not(_limit);
            (none, one) = (none.And(not, _limit), one.And(not, _limit).Or(none.And(part, _limit), _limit));
        }

        return one;
    }

    private ScalarTexts Values(JsonElement[] values, Schema schema, string keyword)
    {
        Name(schema, keyword);
        var bare = new List<Pattern>();
        var strings = new List<Pattern>();
        bool numbers = false;
        foreach (JsonElement value in values)
        {
            switch (value.ValueKind)
            {
                case JsonValueKind.String:
                    strings.Add(Pattern.Literal(value.GetString()!));
                    break;
                case JsonValueKind.Number:
                    numbers = true;
                    bare.Add(NumberTexts(JsonNumberTexts.Read(value.GetRawText(), schema.Source)));
                    break;
                case JsonValueKind.True or JsonValueKind.False or JsonValueKind.Null:
                    bare.Add(Pattern.Literal(value.GetRawText()));
                    break;
            }
        }

        return new ScalarTexts(PatternDfa.Build(Pattern.Choice([.. bare]), _limit), PatternDfa.Build(Pattern.Choice([.. strings]), _limit), false, numbers);
    }

    /// <summary>The ways to write a number without exponent.</summary>
    private static Pattern NumberTexts(JsonDecimal number)
    {
        Pattern zero = Pattern.Literal("0");
        Pattern sign = number.IsZero ? Pattern.Repeat(Pattern.Literal("-"), 0, 1) : number.Negative ? Pattern.Literal("-") : Pattern.Empty;
        Pattern fraction = number.IsInteger
            ? Pattern.Repeat(Pattern.Sequence(Pattern.Literal("."), Pattern.Repeat(zero, 1, Pattern.NoLimit)), 0, 1)
            : Pattern.Sequence(Pattern.Literal($".{number.Fraction}"), Pattern.Repeat(zero, 0, Pattern.NoLimit));
        return Pattern.Sequence(sign, Pattern.Literal(number.Whole), fraction);
    }

    /// <summary>Names what is being built, should it get too large.</summary>
    private void Name(Schema schema, string keyword) => (_limit.Source, _limit.Feature) = (schema.Source, keyword);
}
