using System.Text.Json;

namespace HybridEngine.Inference;

/// <summary>The shapes of objects.</summary>
internal sealed class ObjectReader(SchemaDocument document, ScalarReader scalars) : ShapeReader<ObjectShape>(document)
{
    private static readonly Dictionary<string, LiteralSet> NoNames = new(StringComparer.Ordinal);

    protected override SchemaTypes Type => SchemaTypes.Object;

    protected override ObjectShape Any => ObjectShape.Any;

    protected override JsonValueKind Kind => JsonValueKind.Object;

    protected override ObjectShape And(ObjectShape a, ObjectShape b) => a.And(b);

    protected override IEnumerable<List<ObjectShape>> Own(Schema schema, bool denied)
    {
        if (schema.Has("properties") || schema.Has("patternProperties") || schema.Has("additionalProperties") || schema.Has("unevaluatedProperties")) { yield return Members(schema, denied); }
        if (schema.Has("required", out JsonElement required) && required.ValueKind is not (JsonValueKind.True or JsonValueKind.False)) { yield return Required(Names(schema, "required", required), denied); }
        if (schema.Count("minProperties") is { } min and > 0) { yield return [denied ? new ObjectShape { Max = min - 1 } : new ObjectShape { Min = min }]; }
        if (schema.Count("maxProperties") is { } max) { yield return [denied ? new ObjectShape { Min = max + 1 } : new ObjectShape { Max = max }]; }
        if (schema.Has("propertyNames"))
        {
            Dfa names = scalars.Read(Document.Child(schema, "propertyNames")).Quoted;
            if (!ReferenceEquals(names, ScalarTexts.AnyString)) { yield return [denied ? Witness(ScalarTexts.AnyString, [names], LiteralSet.Any) : new ObjectShape { Names = [names] }]; }
            else if (denied) { yield return []; }
        }

        foreach (string keyword in (string[])["dependentRequired", "dependentSchemas", "dependencies"])
        {
            if (!schema.Has(keyword, JsonValueKind.Object, "an object by names", out JsonElement value)) { continue; }
            foreach (JsonProperty member in value.EnumerateObject()) { yield return Dependency(schema, keyword, member, denied); }
        }
    }

    protected override ObjectShape Constant(JsonElement value)
    {
        Dictionary<string, LiteralSet> members = ConstantMembers(value).ToDictionary(member => member.Key, member => LiteralSet.Of(member.Value), StringComparer.Ordinal);
        return new ObjectShape { Rules = [new MemberRule(members, [], LiteralSet.Of(Document.False))], Required = [.. members.Keys] };
    }

    protected override List<ObjectShape> NotConstant(JsonElement value)
    {
        var shapes = new List<ObjectShape>();
        Dictionary<string, Schema> members = ConstantMembers(value);
        foreach ((string name, Schema constant) in members)
        {
            shapes.Add(new ObjectShape { Forbidden = [name] });
            shapes.Add(new ObjectShape { Required = [name], Rules = [MemberRule.OfOne(name, LiteralSet.Of(constant, denied: true))] });
        }

        shapes.Add(Witness(ScalarTexts.AnyString, [NamesOf(members.Keys)], LiteralSet.Any));
        return shapes;
    }

    private Dictionary<string, Schema> ConstantMembers(JsonElement value)
    {
        var members = new Dictionary<string, Schema>(StringComparer.Ordinal);
        foreach (JsonProperty member in value.EnumerateObject()) { members[member.Name] = Document.Constant(member.Value); }
        return members;
    }

    private List<ObjectShape> Members(Schema schema, bool denied)
    {
        Dictionary<string, Schema> named = Named(schema);
        List<(Dfa Names, Schema Value)> patterns = [];
        if (schema.Has("patternProperties", JsonValueKind.Object, "schemas by patterns", out JsonElement byPattern))
        {
            foreach (JsonProperty member in byPattern.EnumerateObject()) { patterns.Add((scalars.Search(schema, "patternProperties", member.Name), Document.Child(schema, "patternProperties", member.Name))); }
        }

        string keyword = schema.Has("additionalProperties") ? "additionalProperties" : "unevaluatedProperties";
        Schema? others = schema.Has(keyword) ? Document.Child(schema, keyword) : null;
        if (!denied)
        {
            Dictionary<string, LiteralSet> values = named.ToDictionary(member => member.Key, member => LiteralSet.Of(member.Value), StringComparer.Ordinal);
            return [new ObjectShape { Rules = [new MemberRule(values, [.. patterns.Select(pattern => (pattern.Names, LiteralSet.Of(pattern.Value)))], others is null ? LiteralSet.Any : LiteralSet.Of(others))] }];
        }

        var shapes = new List<ObjectShape>();
        foreach ((string name, Schema value) in named)
        {
            if (!value.IsTrue) { shapes.Add(new ObjectShape { Required = [name], Rules = [MemberRule.OfOne(name, LiteralSet.Of(value, denied: true))] }); }
        }

        foreach ((Dfa names, Schema value) in patterns)
        {
            if (!value.IsTrue) { shapes.Add(Witness(names, [], LiteralSet.Of(value, denied: true))); }
        }

        if (others is { IsTrue: false }) { shapes.Add(Witness(ScalarTexts.AnyString, [NamesOf(named.Keys), .. patterns.Select(pattern => pattern.Names)], LiteralSet.Of(others, denied: true))); }
        return shapes;
    }

    private Dictionary<string, Schema> Named(Schema schema)
    {
        var named = new Dictionary<string, Schema>(StringComparer.Ordinal);
        if (!schema.Has("properties", JsonValueKind.Object, "schemas by names", out JsonElement properties)) { return named; }
        foreach (JsonProperty member in properties.EnumerateObject()) { named[member.Name] = Document.Child(schema, "properties", member.Name); }
        return named;
    }

    private static List<ObjectShape> Required(IReadOnlyList<string> names, bool denied) =>
        denied ? [.. names.Select(name => new ObjectShape { Forbidden = [name] })] : [new ObjectShape { Required = names }];

    private List<ObjectShape> Dependency(Schema schema, string keyword, JsonProperty member, bool denied)
    {
        var without = new ObjectShape { Forbidden = [member.Name] };
        var with = new ObjectShape { Required = [member.Name] };
        List<ObjectShape> then = member.Value.ValueKind == JsonValueKind.Array
            ? Required(Names(schema, keyword, member.Value), denied)
            : Read(Document.Child(schema, keyword, member.Name), denied);
        List<ObjectShape> both = And(schema, [with], then);
        return denied ? both : [without, .. both];
    }

    private static List<string> Names(Schema schema, string keyword, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Array || value.EnumerateArray().Any(name => name.ValueKind != JsonValueKind.String)) { throw schema.Wrong(keyword, value, "a list of names"); }
        return [.. value.EnumerateArray().Select(name => name.GetString()!).Distinct(StringComparer.Ordinal)];
    }

    private static ObjectShape Witness(Dfa names, IReadOnlyList<Dfa> except, LiteralSet value) => new() { Witnesses = [new MemberWitness(names, except, value)] };

    private Dfa NamesOf(IEnumerable<string> names) => PatternDfa.Build(Pattern.Choice([.. names.Select(Pattern.Literal)]), scalars.Limit);
}
