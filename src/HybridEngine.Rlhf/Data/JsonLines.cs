using System.Text;
using System.Text.Json;
using HybridEngine.Core;

namespace HybridEngine.Rlhf;

/// <summary>One object of a JSON Lines file and where it stands.</summary>
/// <param name="Origin"><c>file:line</c>, as errors name it.</param>
/// <param name="Value">The object.</param>
public readonly record struct JsonLine(string Origin, JsonElement Value)
{
    /// <summary>A text that must be there.</summary>
    /// <exception cref="InvalidInputException">The key is missing or not a string.</exception>
    public string Text(string key) => TryText(key) ?? throw new InvalidInputException(Origin, $"no key \"{key}\" among {Keys()}", $"\"{key}\" with a text");

    /// <summary>A text, or null when the key is missing.</summary>
    /// <exception cref="InvalidInputException">The key is there but is no string.</exception>
    public string? TryText(string key)
    {
        if (!Value.TryGetProperty(key, out JsonElement e)) { return null; }
        return e.ValueKind == JsonValueKind.String ? e.GetString() : throw WrongType(key, e, "a text");
    }

    /// <summary>Whole numbers, or null when the key is missing.</summary>
    /// <exception cref="InvalidInputException">The key is there but holds something else.</exception>
    public int[]? TryIds(string key)
    {
        if (!Value.TryGetProperty(key, out JsonElement e)) { return null; }
        if (e.ValueKind != JsonValueKind.Array) { throw WrongType(key, e, "an array of token ids"); }
        int[] ids = new int[e.GetArrayLength()];
        int i = 0;
        foreach (JsonElement x in e.EnumerateArray())
        {
            if (x.ValueKind != JsonValueKind.Number || !x.TryGetInt32(out ids[i]) || ids[i] < 0)
            {
                throw new InvalidInputException(Origin, $"\"{key}\"[{i}] = {Short(x.GetRawText())}", "a token id (a whole number, at least 0)");
            }

            i++;
        }

        return ids;
    }

    /// <summary>A number, or null when the key is missing.</summary>
    /// <exception cref="InvalidInputException">The key is there but holds something else.</exception>
    public double? TryNumber(string key)
    {
        if (!Value.TryGetProperty(key, out JsonElement e)) { return null; }
        return e.ValueKind == JsonValueKind.Number ? e.GetDouble() : throw WrongType(key, e, "a number");
    }

    /// <summary>True when the key is there.</summary>
    public bool Has(string key) => Value.TryGetProperty(key, out _);

    /// <summary>The keys for an error message.</summary>
    public string Keys()
    {
        string keys = string.Join(", ", Value.EnumerateObject().Select(p => p.Name).Take(12));
        return keys.Length == 0 ? "none" : Short(keys);
    }

    /// <summary>The error for a key of the wrong type.</summary>
    public InvalidInputException WrongType(string key, JsonElement found, string expected) => new(Origin, $"\"{key}\" = {Short(found.GetRawText())}", expected);

    private static string Short(string text) => text.Length <= 60 ? text : text[..57] + "...";
}

/// <summary>Strict reader of JSON Lines: UTF-8, one object a line, blank lines allowed; every error names file and line.</summary>
public static class JsonLines
{
    /// <summary>The longest line that is read, bytes; a longer one is an error, not an allocation.</summary>
    public const int LongestLine = 64 << 20;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Reads all objects of a file.</summary>
    /// <exception cref="InvalidInputException">The file is missing, empty, not UTF-8, or a line is not a JSON object.</exception>
    public static IReadOnlyList<JsonLine> Read(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (Directory.Exists(path)) { throw new InvalidInputException(path, "a folder", "a JSON Lines file"); }
        if (!File.Exists(path)) { throw new InvalidInputException(path, "no such file", "a JSON Lines file"); }
        using FileStream stream = File.OpenRead(path);
        return Read(stream, path);
    }

    /// <summary>Reads all objects of a stream; <paramref name="name"/> stands for it in errors.</summary>
    public static IReadOnlyList<JsonLine> Read(Stream stream, string name)
    {
        ArgumentNullException.ThrowIfNull(stream);
        List<JsonLine> lines = [];
        int number = 0;
        foreach (ReadOnlyMemory<byte> bytes in Split(stream, name))
        {
            number++;
            string origin = $"{name}:{number}";
            ReadOnlyMemory<byte> line = number == 1 && bytes.Span.StartsWith(Encoding.UTF8.Preamble) ? bytes[3..] : bytes;
            if (line.Span.Trim(" \t\r"u8).IsEmpty) { continue; }
            CheckUtf8(line.Span, origin);
            lines.Add(new JsonLine(origin, Parse(line, origin)));
        }

        return lines.Count > 0 ? lines : throw new InvalidInputException(name, "an empty file", "at least one line with a JSON object");
    }

    private static JsonElement Parse(ReadOnlyMemory<byte> line, string origin)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(line);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw new InvalidInputException(origin, $"a JSON {document.RootElement.ValueKind.ToString().ToLowerInvariant()}", "a JSON object");
            }

            // An escape can hold half a surrogate pair; it is found here, with its line, not where the text is used.
            if (line.Span.IndexOf("\\u"u8) >= 0) { ReadTexts(document.RootElement); }
            return document.RootElement.Clone();
        }
        catch (JsonException e)
        {
            throw new InvalidInputException(origin, $"invalid JSON at byte {e.BytePositionInLine}", "one JSON object on the line");
        }
        catch (InvalidOperationException)
        {
            throw new InvalidInputException(origin, "a text that is not valid Unicode", "one JSON object on the line");
        }
    }

    private static void ReadTexts(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.String: _ = element.GetString(); break;
            case JsonValueKind.Array:
                foreach (JsonElement item in element.EnumerateArray()) { ReadTexts(item); }
                break;
            case JsonValueKind.Object:
                foreach (JsonProperty member in element.EnumerateObject())
                {
                    _ = member.Name;
                    ReadTexts(member.Value);
                }

                break;
        }
    }

    private static void CheckUtf8(ReadOnlySpan<byte> line, string origin)
    {
        try
        {
            Strict.GetCharCount(line);
        }
        catch (DecoderFallbackException e)
        {
            throw new InvalidInputException(origin, $"bytes that are not UTF-8 at position {e.Index}", "UTF-8 text");
        }
    }

    private static IEnumerable<ReadOnlyMemory<byte>> Split(Stream stream, string name)
    {
        byte[] chunk = new byte[1 << 16];
        using MemoryStream line = new();
        int read;
        while ((read = stream.Read(chunk)) > 0)
        {
            int start = 0;
            while (start < read)
            {
                int end = Array.IndexOf(chunk, (byte)'\n', start, read - start), stop = end < 0 ? read : end;
                line.Write(chunk, start, stop - start);
                if (line.Length > LongestLine) { throw new InvalidInputException(name, $"a line of more than {LongestLine} bytes", "shorter lines"); }
                if (end >= 0)
                {
                    yield return line.ToArray();
                    line.SetLength(0);
                }

                start = stop + 1;
            }
        }

        if (line.Length > 0) { yield return line.ToArray(); }
    }
}
