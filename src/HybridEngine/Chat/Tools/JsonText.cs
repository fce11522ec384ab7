using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.AI;

namespace HybridEngine;

/// <summary>JSON as models have seen it in training: Python's spacing, characters beyond ASCII as they are.</summary>
internal static class JsonText
{
    private static readonly JsonSerializerOptions _relaxed = new(AIJsonUtilities.DefaultOptions) { WriteIndented = false, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>A value of a function call, a result, a description.</summary>
    public static string Of<T>(T value) => Of(JsonSerializer.SerializeToElement(value, _relaxed.GetTypeInfo(value?.GetType() ?? typeof(object))));

    /// <summary>A JSON value.</summary>
    public static string Of(JsonElement value)
    {
        StringBuilder text = new();
        Write(value, text);
        return text.ToString();
    }

    private static void Write(JsonElement value, StringBuilder text)
    {
        string separator = "";
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                text.Append('{');
                foreach (JsonProperty p in value.EnumerateObject())
                {
                    text.Append(separator).Append(Quoted(p.Name)).Append(": ");
                    Write(p.Value, text);
                    separator = ", ";
                }

                text.Append('}');
                break;
            case JsonValueKind.Array:
                text.Append('[');
                foreach (JsonElement item in value.EnumerateArray())
                {
                    text.Append(separator);
                    Write(item, text);
                    separator = ", ";
                }

                text.Append(']');
                break;
            case JsonValueKind.String: text.Append(Quoted(value.GetString()!)); break;
            default: text.Append(value.GetRawText()); break;
        }
    }

    private static string Quoted(string text) => '"' + JavaScriptEncoder.UnsafeRelaxedJsonEscaping.Encode(text) + '"';
}
