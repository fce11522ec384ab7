using System.Text.Json;
using HybridEngine.Core;
using HybridEngine.Rlhf;

namespace HybridEngine.Cli.Input;

/// <summary>JSON Lines from a file or, for <c>-</c>, standard input.</summary>
internal static class InputLines
{
    public static IReadOnlyList<JsonLine> Read(string path)
    {
        if (path != "-") { return JsonLines.Read(path); }
        using Stream input = Console.OpenStandardInput();
        return JsonLines.Read(input, "standard input");
    }

    /// <summary>A file's whole text, UTF-8; <c>-</c> is standard input.</summary>
    public static string ReadText(string path)
    {
        byte[] bytes;
        if (path == "-")
        {
            using Stream input = Console.OpenStandardInput();
            using MemoryStream copy = new();
            input.CopyTo(copy);
            bytes = copy.ToArray();
        }
        else
        {
            if (!File.Exists(path)) { throw new InvalidInputException(path, "no such file", "a text file"); }
            bytes = File.ReadAllBytes(path);
        }

        try
        {
            string text = new System.Text.UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes);
            return text.StartsWith('\uFEFF') ? text[1..] : text;
        }
        catch (System.Text.DecoderFallbackException e)
        {
            throw new InvalidInputException(path, $"bytes that are not UTF-8 at offset {e.Index}", "UTF-8 text");
        }
    }

    /// <summary>A number of a line, or the fallback when the key is missing.</summary>
    public static double Number(this JsonLine line, string key, double fallback) => line.TryNumber(key) ?? fallback;

    /// <summary>A whole number of a line, or the fallback when the key is missing.</summary>
    public static long Whole(this JsonLine line, string key, long fallback)
    {
        if (!line.Value.TryGetProperty(key, out JsonElement e)) { return fallback; }
        return e.ValueKind == JsonValueKind.Number && e.TryGetInt64(out long value) ? value : throw line.WrongType(key, e, "a whole number");
    }

    /// <summary>A boolean of a line, or the fallback when the key is missing.</summary>
    public static bool Flag(this JsonLine line, string key, bool fallback)
    {
        if (!line.Value.TryGetProperty(key, out JsonElement e)) { return fallback; }
        return e.ValueKind is JsonValueKind.True or JsonValueKind.False ? e.GetBoolean() : throw line.WrongType(key, e, "true or false");
    }

    /// <summary>A text or an array of texts, or the fallback when the key is missing.</summary>
    public static IReadOnlyList<string> Texts(this JsonLine line, string key, IReadOnlyList<string> fallback)
    {
        if (!line.Value.TryGetProperty(key, out JsonElement e)) { return fallback; }
        if (e.ValueKind == JsonValueKind.String) { return [e.GetString()!]; }
        if (e.ValueKind != JsonValueKind.Array || e.EnumerateArray().Any(x => x.ValueKind != JsonValueKind.String)) { throw line.WrongType(key, e, "a text or a list of texts"); }
        return [.. e.EnumerateArray().Select(x => x.GetString()!)];
    }
}
