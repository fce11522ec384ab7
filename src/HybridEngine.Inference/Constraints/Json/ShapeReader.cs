using System.Globalization;
using System.Text.Json;
using HybridEngine.Core;

namespace HybridEngine.Inference;

/// <summary>Finds the ways in which a value can be an array (or an object) of a schema: a list of shapes, of which any will do. Denied schemas are read by De Morgan's rules.</summary>
/// <typeparam name="T"><see cref="ArrayShape"/> or <see cref="ObjectShape"/>.</typeparam>
internal abstract class ShapeReader<T>(SchemaDocument document) where T : class
{
    private const int MostShapes = 512, DeepestReferences = 200;

    private readonly Dictionary<int, List<T>> _known = [];
    private readonly HashSet<int> _open = [];

    protected SchemaDocument Document => document;

    /// <summary>The type that shapes are of.</summary>
    protected abstract SchemaTypes Type { get; }

    protected abstract T Any { get; }

    protected abstract JsonValueKind Kind { get; }

    /// <summary>Whether no value at all has a shape; a false answer may be wrong.</summary>
    public required Func<T, bool> IsSurelyEmpty { get; init; }

    /// <summary>What is both.</summary>
    protected abstract T And(T a, T b);

    /// <summary>The shapes of the keywords that are about this type alone: a list a keyword, all of which must hold.</summary>
    /// <param name="schema">The schema.</param>
    /// <param name="denied">Whether to give, for each keyword, the shapes of what it refuses.</param>
    protected abstract IEnumerable<List<T>> Own(Schema schema, bool denied);

    /// <summary>The shape of one constant.</summary>
    protected abstract T Constant(JsonElement value);

    /// <summary>The shapes of what a constant is not.</summary>
    protected abstract List<T> NotConstant(JsonElement value);

    public List<T> Read(Schema schema, bool denied)
    {
        if (schema.IsTrue) { return denied ? [] : [Any]; }
        if (schema.IsFalse) { return denied ? [Any] : []; }
        int literal = 2 * schema.Id + (denied ? 1 : 0);
        if (_known.TryGetValue(literal, out List<T>? known)) { return known; }
        if (!_open.Add(literal) || _open.Count > DeepestReferences) { throw new InvalidInputException(schema.Source, "a $ref that leads back to itself without a value between", "a schema that ends"); }
        SchemaKeywords.Check(schema);
        List<T> shapes = denied ? [] : [Any];
        foreach (List<T> part in Parts(schema, denied)) { shapes = denied ? Or(schema, shapes, part) : And(schema, shapes, part); }
        _open.Remove(literal);
        return _known[literal] = shapes;
    }

    /// <summary>Everything that is one of a list and one of another.</summary>
    public List<T> And(Schema schema, List<T> a, List<T> b)
    {
        var both = new List<T>();
        foreach (T x in a)
        {
            foreach (T y in b)
            {
                T shape = ReferenceEquals(x, Any) ? y : ReferenceEquals(y, Any) ? x : And(x, y);
                if ((a.Count == 1 && b.Count == 1) || !IsSurelyEmpty(shape)) { both.Add(shape); }
                if (both.Count > MostShapes) { throw TooMany(schema); }
            }
        }

        return both;
    }

    private static List<T> Or(Schema schema, List<T> a, List<T> b) => a.Count + b.Count <= MostShapes ? [.. a, .. b] : throw TooMany(schema);

    private static UnsupportedException TooMany(Schema schema)
    {
        string keyword = ((string[])["oneOf", "anyOf", "not", "if", "allOf"]).FirstOrDefault(schema.Has) ?? "a schema";
        return new UnsupportedException(schema.Source, $"{keyword} with so many cases", $"up to {MostShapes.ToString(CultureInfo.InvariantCulture)} shapes of one value");
    }

    private IEnumerable<List<T>> Parts(Schema schema, bool denied)
    {
        if (schema.Has("type", out JsonElement type)) { yield return SchemaTypes.Read(schema, type).HasFlag(Type) != denied ? [Any] : []; }
        if (schema.Has("const", out JsonElement constant)) { yield return Values(schema, [constant], denied); }
        if (schema.Has("enum", JsonValueKind.Array, "a list of values", out JsonElement values))
        {
            yield return Values(schema, [.. values.EnumerateArray()], denied);
        }

        foreach (List<T> own in Own(schema, denied)) { yield return own; }
        if (schema.Has("$ref", JsonValueKind.String, "a reference", out JsonElement reference)) { yield return Read(Document.Resolve(schema, reference.GetString()!), denied); }
        if (schema.Has("allOf", out JsonElement all))
        {
            foreach (Schema part in Document.Children(schema, "allOf", all)) { yield return Read(part, denied); }
        }

        if (schema.Has("anyOf", out JsonElement any)) { yield return Combine(schema, Document.Children(schema, "anyOf", any), denied); }
        if (schema.Has("oneOf", out JsonElement one)) { yield return ExactlyOne(schema, [.. Document.Children(schema, "oneOf", one)], denied); }
        if (schema.Has("not")) { yield return Read(Document.Child(schema, "not"), !denied); }
        if (schema.Has("if") && (schema.Has("then") || schema.Has("else"))) { yield return Condition(schema, denied); }
    }

    /// <summary>One of several, or none of them.</summary>
    private List<T> Combine(Schema schema, IEnumerable<Schema> parts, bool denied) =>
        denied ? parts.Aggregate((List<T>)[Any], (shapes, part) => And(schema, shapes, Read(part, true))) : parts.Aggregate((List<T>)[], (shapes, part) => Or(schema, shapes, Read(part, false)));

    private List<T> ExactlyOne(Schema schema, Schema[] parts, bool denied)
    {
        var shapes = new List<T>();
        for (int i = 0; i < parts.Length; i++)
        {
            List<T> only = Read(parts[i], false);
            for (int j = 0; j < parts.Length && only.Count > 0; j++)
            {
                // Where the two exclude each other anyway, saying so would only multiply the shapes.
                if (j != i && !Exclude(only, Read(parts[j], false))) { only = And(schema, only, Read(parts[j], true)); }
            }

            shapes = Or(schema, shapes, only);
        }

        if (!denied) { return shapes; }
        // Not exactly one: none, or two of them.
        List<T> others = Combine(schema, parts, denied: true);
        for (int i = 0; i < parts.Length; i++)
        {
            for (int j = i + 1; j < parts.Length; j++) { others = Or(schema, others, And(schema, Read(parts[i], false), Read(parts[j], false))); }
        }

        return others;
    }

    private bool Exclude(List<T> a, List<T> b) => a.All(x => b.All(y => IsSurelyEmpty(And(x, y))));

    private List<T> Condition(Schema schema, bool denied)
    {
        Schema condition = Document.Child(schema, "if");
        List<T> Branch(bool holds, string keyword)
        {
            List<T> result = schema.Has(keyword) ? Read(Document.Child(schema, keyword), denied) : denied ? [] : [Any];
            return And(schema, Read(condition, !holds), result);
        }

        return Or(schema, Branch(true, "then"), Branch(false, "else"));
    }

    private List<T> Values(Schema schema, JsonElement[] values, bool denied)
    {
        List<T> shapes = denied ? [Any] : [];
        foreach (JsonElement value in values)
        {
            if (value.ValueKind != Kind) { continue; }
            shapes = denied ? And(schema, shapes, NotConstant(value)) : Or(schema, shapes, [Constant(value)]);
        }

        return shapes;
    }
}
