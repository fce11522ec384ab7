using System.Globalization;
using System.Text.Json;
using HybridEngine.Core;

namespace HybridEngine.Inference;

/// <summary>
/// Turns a JSON Schema into values that refer to each other: for each set of schemas that can meet in one value, the scalars, arrays and objects that it may be.
/// Values that cannot be (and whatever needs them) are taken away, so that a text that was begun can always be finished.
/// </summary>
internal sealed class SchemaCompiler
{
    private const int MostValues = 20_000, MostDiscriminatorDepth = 16;

    private readonly SchemaDocument _document;
    private readonly ScalarReader _scalars;
    private readonly ArrayReader _arrays;
    private readonly ObjectReader _objects;
    private readonly Dictionary<LiteralSet, int> _ids = [];
    private readonly List<LiteralSet> _sets = [];
    private readonly Dictionary<LiteralSet, bool> _surelyEmpty = [];

    private SchemaCompiler(SchemaDocument document)
    {
        _document = document;
        _scalars = new ScalarReader(document);
        _arrays = new ArrayReader(document) { IsSurelyEmpty = shape => shape.Min > shape.Max || shape.Prefix.Take(shape.Min).Any(item => IsSurelyEmpty(item)) };
        _objects = new ObjectReader(document, _scalars) { IsSurelyEmpty = IsSurelyEmpty };
    }

    /// <summary>Compiles a schema.</summary>
    /// <param name="json">JSON text of the schema.</param>
    /// <returns>Its values; the first is that of the whole text.</returns>
    public static JsonValue[] Compile(string json)
    {
        SchemaDocument document = SchemaDocument.Parse(json);
        var compiler = new SchemaCompiler(document);
        compiler.Id(LiteralSet.Of(document.Root));
        var values = new List<JsonValue>();
        for (int id = 0; id < compiler._sets.Count; id++) { values.Add(compiler.Read(compiler._sets[id])); }
        return Inhabited([.. values]);
    }

    /// <summary>Values that can be, found from those that need no others.</summary>
    private static JsonValue[] Inhabited(JsonValue[] values)
    {
        bool[] inhabited = new bool[values.Length];
        for (bool grown = true; grown;)
        {
            grown = false;
            // Backwards, since values mostly need later ones.
            for (int id = values.Length - 1; id >= 0; id--)
            {
                if (inhabited[id] || !values[id].IsInhabited(value => inhabited[value])) { continue; }
                inhabited[id] = grown = true;
            }
        }

        for (int id = 0; id < values.Length; id++) { values[id] = inhabited[id] ? values[id].Trim(value => inhabited[value]) : JsonValue.None; }
        return values;
    }

    private int Id(LiteralSet set)
    {
        if (!_ids.TryGetValue(set, out int id))
        {
            _ids.Add(set, id = _sets.Count);
            _sets.Add(set);
            if (_sets.Count > MostValues) { throw new UnsupportedException("json_schema", "allOf, oneOf or not that meet in so many ways", $"{MostValues.ToString("N0", CultureInfo.InvariantCulture)} kinds of values"); }
        }

        return id;
    }

    private JsonValue Read(LiteralSet set)
    {
        List<ArrayShape> arrays = [ArrayShape.Any];
        List<ObjectShape> objects = [ObjectShape.Any];
        foreach (int literal in set.Literals)
        {
            Schema schema = _document.ById(literal / 2);
            arrays = _arrays.And(schema, arrays, _arrays.Read(schema, literal % 2 == 1));
            objects = _objects.And(schema, objects, _objects.Read(schema, literal % 2 == 1));
        }

        return new JsonValue(
            Scalars(set),
            [.. arrays.Select(shape => ArrayPlan.Make(shape, Id))],
            [.. objects.Select(shape => ObjectPlan.Make(shape, Id, _scalars.Limit)).OfType<ObjectPlan>()]);
    }

    private ScalarTexts Scalars(LiteralSet set)
    {
        ScalarTexts texts = ScalarTexts.All;
        foreach (int literal in set.Literals)
        {
            ScalarTexts part = _scalars.Read(_document.ById(literal / 2));
            texts = _scalars.And(texts, literal % 2 == 1 ? _scalars.Not(part) : part);
        }

        return texts;
    }

    private bool IsSurelyEmpty(ObjectShape shape) =>
        shape.Min > shape.Max || shape.Required.Count > shape.Max
        || shape.Required.Any(name => shape.Forbidden.Contains(name, StringComparer.Ordinal) || !shape.Names.All(names => names.Accepts(name))
            || IsSurelyEmpty(shape.Rules.Aggregate(LiteralSet.Any, (value, rule) => value.And(rule.For(name, names => names.Accepts(name))))));

    /// <summary>Whether no value is all of a set, as far as that is seen without looking into arrays and objects: enough to tell cases apart by a constant member.</summary>
    private bool IsSurelyEmpty(LiteralSet set)
    {
        if (set.Literals.Length == 0) { return false; }
        if (_surelyEmpty.TryGetValue(set, out bool known)) { return known; }
        bool empty = false;
        foreach (int literal in set.Literals) { empty |= literal % 2 == 0 && !MayHaveParts(_document.ById(literal / 2), 0); }
        return _surelyEmpty[set] = empty && Scalars(set).IsEmpty;
    }

    private bool MayHaveParts(Schema schema, int depth)
    {
        if (schema.IsFalse) { return false; }
        if (schema.Has("type", out JsonElement type) && (SchemaTypes.Read(schema, type) & (SchemaTypes.Array | SchemaTypes.Object)) == 0) { return false; }
        if (schema.Has("const", out JsonElement constant) && !HasParts(constant)) { return false; }
        if (schema.Has("enum", out JsonElement values) && values.ValueKind == JsonValueKind.Array && !values.EnumerateArray().Any(HasParts)) { return false; }
        return !(depth < MostDiscriminatorDepth && schema.Has("$ref", out JsonElement reference) && reference.ValueKind == JsonValueKind.String
            && !MayHaveParts(_document.Resolve(schema, reference.GetString()!), depth + 1));
    }

    private static bool HasParts(JsonElement value) => value.ValueKind is JsonValueKind.Array or JsonValueKind.Object;
}
