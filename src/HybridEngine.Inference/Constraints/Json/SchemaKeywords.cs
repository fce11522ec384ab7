using System.Text.Json;
using HybridEngine.Core;

namespace HybridEngine.Inference;

/// <summary>Which keywords are read, and which are refused by name. Any other is a note, as JSON Schema says of keywords it does not know.</summary>
internal static class SchemaKeywords
{
    private const string Supported = "the keywords of docs/inference/constraints.md";

    private static readonly string[] Refused = ["$dynamicRef", "$recursiveRef"];

    // With one of these beside it, "unevaluated" asks which of their branches a value took.
    private static readonly string[] InPlace = ["$ref", "allOf", "anyOf", "oneOf", "not", "if", "dependentSchemas", "dependencies", "contains"];

    /// <summary>Refuses a schema that asks for what a constraint cannot do.</summary>
    public static void Check(Schema schema)
    {
        foreach (string keyword in Refused)
        {
            if (schema.Has(keyword)) { throw new UnsupportedException(schema.Source, keyword, Supported); }
        }

        if (schema.Has("uniqueItems", out JsonElement unique) && unique.ValueKind == JsonValueKind.True && schema.Count("maxItems") is not (0 or 1)) { throw new UnsupportedException(schema.Source, "uniqueItems", Supported); }
        foreach (string keyword in (ReadOnlySpan<string>)["unevaluatedItems", "unevaluatedProperties"])
        {
            if (schema.Has(keyword, out JsonElement value) && value.ValueKind != JsonValueKind.True && InPlace.Any(schema.Has)) { throw new UnsupportedException(schema.Source, $"{keyword} beside other schemas", Supported); }
        }
    }
}
