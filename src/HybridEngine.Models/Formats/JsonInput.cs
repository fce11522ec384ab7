using System.Text.Json;
using System.Text.Unicode;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Untrusted JSON: size-limited, valid UTF-8, no duplicate keys, every string decodable; anything else is one clear error.</summary>
internal static class JsonInput
{
    /// <summary>config.json and its like are kilobytes; tokenizer files are read elsewhere.</summary>
    public const long SmallFileLimit = 16L << 20;

    /// <summary>Reads and parses a whole file of at most <see cref="SmallFileLimit"/> bytes.</summary>
    public static JsonElement ReadFile(string path)
    {
        byte[] bytes;
        try
        {
            using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            if (stream.Length > SmallFileLimit) { throw new InvalidInputException(path, $"{stream.Length} bytes", $"at most {SmallFileLimit} bytes of JSON"); }
            bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new HybridEngineException($"{path}: cannot be read: {e.Message}", e);
        }

        ReadOnlyMemory<byte> content = bytes.AsSpan().StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]) ? bytes.AsMemory(3) : bytes;
        return Parse(path, content);
    }

    /// <summary>Parses one object.</summary>
    /// <param name="source">Named in errors.</param>
    /// <param name="utf8">The text.</param>
    public static JsonElement Parse(string source, ReadOnlyMemory<byte> utf8)
    {
        if (!Utf8.IsValid(utf8.Span)) { throw new InvalidInputException(source, "bytes that are not UTF-8", "JSON in UTF-8"); }
        try
        {
            using JsonDocument document = JsonDocument.Parse(utf8, new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = 32 });
            JsonElement root = document.RootElement.Clone();
            if (root.ValueKind != JsonValueKind.Object) { throw new InvalidInputException(source, $"a JSON {Kind(root)}", "a JSON object"); }
            DecodeStrings(root);
            return root;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new InvalidInputException(source, $"invalid JSON ({e.Message.TrimEnd('.')})", "a JSON object without duplicate keys");
        }
    }

    /// <summary>The value's kind in words.</summary>
    public static string Kind(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.True or JsonValueKind.False => "boolean",
        _ => value.ValueKind.ToString().ToLowerInvariant(),
    };

    // Escaped lone surrogates pass the parser and fail only when a string is decoded: find them here, once.
    private static void DecodeStrings(JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.String:
                _ = value.GetString();
                break;
            case JsonValueKind.Array:
                foreach (JsonElement item in value.EnumerateArray()) { DecodeStrings(item); }
                break;
            case JsonValueKind.Object:
                foreach (JsonProperty property in value.EnumerateObject())
                {
                    _ = property.Name;
                    DecodeStrings(property.Value);
                }

                break;
        }
    }
}
