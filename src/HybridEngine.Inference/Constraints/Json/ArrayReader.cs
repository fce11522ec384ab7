using System.Text.Json;

namespace HybridEngine.Inference;

/// <summary>The shapes of arrays.</summary>
internal sealed class ArrayReader(SchemaDocument document) : ShapeReader<ArrayShape>(document)
{
    protected override SchemaTypes Type => SchemaTypes.Array;

    protected override ArrayShape Any => ArrayShape.Any;

    protected override JsonValueKind Kind => JsonValueKind.Array;

    protected override ArrayShape And(ArrayShape a, ArrayShape b) => a.And(b);

    protected override IEnumerable<List<ArrayShape>> Own(Schema schema, bool denied)
    {
        if (Items(schema) is { } items) { yield return denied ? NotItems(items.Prefix, items.Others) : [items.Shape]; }
        if (schema.Count("minItems") is { } min and > 0) { yield return [denied ? new ArrayShape { Max = min - 1 } : new ArrayShape { Min = min }]; }
        if (schema.Count("maxItems") is { } max) { yield return [denied ? new ArrayShape { Min = max + 1 } : new ArrayShape { Max = max }]; }
        if (schema.Has("contains")) { yield return Contains(schema, denied); }
    }

    protected override ArrayShape Constant(JsonElement value)
    {
        LiteralSet[] items = [.. value.EnumerateArray().Select(item => LiteralSet.Of(Document.Constant(item)))];
        return new ArrayShape { Prefix = items, Min = items.Length, Max = items.Length };
    }

    protected override List<ArrayShape> NotConstant(JsonElement value)
    {
        Schema[] items = [.. value.EnumerateArray().Select(Document.Constant)];
        List<ArrayShape> shapes = NotItems(items, null);
        if (items.Length > 0) { shapes.Add(new ArrayShape { Max = items.Length - 1 }); }
        shapes.Add(new ArrayShape { Min = items.Length + 1 });
        return shapes;
    }

    /// <summary>Items by place; drafts before 2020-12 wrote the first ones as a list under "items".</summary>
    private (Schema[] Prefix, Schema? Others, ArrayShape Shape)? Items(Schema schema)
    {
        bool list = schema.Has("items", out JsonElement items) && items.ValueKind == JsonValueKind.Array;
        string others = list ? "additionalItems" : "items";
        if (!schema.Has(others)) { others = "unevaluatedItems"; }
        string prefix = list ? "items" : "prefixItems";
        Schema[] first = schema.Has(prefix, out JsonElement parts) ? [.. Document.Children(schema, prefix, parts)] : [];
        Schema? rest = schema.Has(others) ? Document.Child(schema, others) : null;
        if (first.Length == 0 && rest is null) { return null; }
        return (first, rest, new ArrayShape { Prefix = [.. first.Select(part => LiteralSet.Of(part))], Others = rest is null ? LiteralSet.Any : LiteralSet.Of(rest) });
    }

    private static List<ArrayShape> NotItems(Schema[] prefix, Schema? others)
    {
        var shapes = new List<ArrayShape>();
        for (int i = 0; i < prefix.Length; i++)
        {
            if (!prefix[i].IsTrue) { shapes.Add(new ArrayShape { Prefix = [.. Enumerable.Repeat(LiteralSet.Any, i), LiteralSet.Of(prefix[i], denied: true)], Min = i + 1 }); }
        }

        if (others is { IsTrue: false }) { shapes.Add(new ArrayShape { Counts = [new ItemCount(LiteralSet.Of(others, denied: true), null, prefix.Length, 1, int.MaxValue)] }); }
        return shapes;
    }

    private List<ArrayShape> Contains(Schema schema, bool denied)
    {
        Schema kind = Document.Child(schema, "contains");
        int min = schema.Count("minContains") ?? 1, max = schema.Count("maxContains") ?? int.MaxValue;
        ArrayShape Counted(int least, int most) =>
            new() { Counts = [new ItemCount(LiteralSet.Of(kind), most == int.MaxValue ? null : LiteralSet.Of(kind, denied: true), 0, least, most)] };
        if (!denied) { return min > max ? [] : min == 0 && max == int.MaxValue ? [ArrayShape.Any] : [Counted(min, max)]; }
        if (min > max) { return [ArrayShape.Any]; }
        var shapes = new List<ArrayShape>();
        if (min > 0) { shapes.Add(Counted(0, min - 1)); }
        if (max != int.MaxValue) { shapes.Add(Counted(max + 1, int.MaxValue)); }
        return shapes;
    }
}
