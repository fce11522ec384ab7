using System.Text.Json;

namespace HybridEngine;

/// <summary>A function call as a model wrote it.</summary>
/// <param name="Name">The function.</param>
/// <param name="Arguments">By parameter; values as they stood in the JSON.</param>
internal sealed record ToolCall(string Name, IReadOnlyDictionary<string, JsonElement> Arguments)
{
    private static readonly string[] _names = ["name", "tool_name", "function", "function_name"];
    private static readonly string[] _arguments = ["arguments", "parameters", "args"];

    /// <summary>Calls in a JSON value: an object, or a list of them; null when that is not what it is.</summary>
    public static List<ToolCall>? Parse(string json)
    {
        JsonElement? root = TryParse(json);
        return root is { } value ? FromJson(value) : null;
    }

    /// <summary>One call whose name stands apart from its arguments; null when these are no object.</summary>
    public static ToolCall? Parse(string name, string argumentsJson) => TryParse(argumentsJson) is { } value ? FromArguments(name, value) : null;

    private static List<ToolCall>? FromJson(JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.Object) { return FromObject(value) is { } one ? [one] : null; }
        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() == 0) { return null; }
        List<ToolCall> calls = [];
        foreach (JsonElement item in value.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Object || FromObject(item) is not { } call) { return null; }
            calls.Add(call);
        }

        return calls;
    }

    private static ToolCall? FromObject(JsonElement value)
    {
        foreach (string key in _names)
        {
            if (!value.TryGetProperty(key, out JsonElement name)) { continue; }
            // {"function": {"name": ..., "arguments": ...}}, as in OpenAI's messages.
            if (name.ValueKind == JsonValueKind.Object) { return FromObject(name); }
            if (name.ValueKind != JsonValueKind.String || name.GetString() is not { Length: > 0 } text) { return null; }
            foreach (string arguments in _arguments)
            {
                if (value.TryGetProperty(arguments, out JsonElement given)) { return FromArguments(text, given); }
            }

            return new ToolCall(text, new Dictionary<string, JsonElement>());
        }

        return null;
    }

    private static ToolCall? FromArguments(string name, JsonElement arguments)
    {
        // Some models write the object as a JSON text.
        if (arguments.ValueKind == JsonValueKind.String && TryParse(arguments.GetString()!) is { } inner) { arguments = inner; }
        if (arguments.ValueKind == JsonValueKind.Null) { return new ToolCall(name, new Dictionary<string, JsonElement>()); }
        if (arguments.ValueKind != JsonValueKind.Object) { return null; }
        Dictionary<string, JsonElement> values = new(StringComparer.Ordinal);
        foreach (JsonProperty p in arguments.EnumerateObject()) { values[p.Name] = p.Value; }
        return new ToolCall(name, values);
    }

    private static JsonElement? TryParse(string json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
