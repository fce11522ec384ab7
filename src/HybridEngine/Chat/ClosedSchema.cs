using System.Text.Json.Nodes;

namespace HybridEngine;

/// <summary>A schema without members that nobody has named: what it allows is allowed by the schema that was given, and a model cannot wander off into members of its own.</summary>
/// <remarks>JSON Schema lets an object have any further members unless it says otherwise; nobody who asks for a record wants them (OpenAI's strict mode and llama.cpp take it the same way).</remarks>
internal static class ClosedSchema
{
    // Beside these, an object's members are described in more than one place; closing one would forbid the other's.
    private static readonly string[] _elsewhere = ["allOf", "anyOf", "oneOf", "not", "if", "$ref", "$dynamicRef", "patternProperties", "dependentSchemas", "unevaluatedProperties", "additionalProperties"];

    public static string Of(string schema)
    {
        JsonNode? root = JsonNode.Parse(schema);
        if (!schema.Contains("\"allOf\"", StringComparison.Ordinal)) { Close(root); }
        return root!.ToJsonString();
    }

    private static void Close(JsonNode? node)
    {
        if (node is JsonArray list)
        {
            foreach (JsonNode? item in list) { Close(item); }
            return;
        }

        if (node is not JsonObject schema) { return; }
        bool elsewhere = Array.Exists(_elsewhere, schema.ContainsKey);
        if (schema["properties"] is JsonObject properties)
        {
            foreach ((_, JsonNode? property) in properties) { Close(property); }
            if (!elsewhere) { schema["additionalProperties"] = false; }
        }

        foreach (string key in (string[])["items", "prefixItems"]) { Close(schema[key]); }
        if (!schema.ContainsKey("properties"))
        {
            foreach (string key in (string[])["anyOf", "oneOf"]) { Close(schema[key]); }
        }

        foreach (string key in (string[])["$defs", "definitions"])
        {
            foreach ((_, JsonNode? definition) in schema[key] as JsonObject ?? []) { Close(definition); }
        }
    }
}
