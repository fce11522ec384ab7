using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using HybridEngine.Core;

namespace HybridEngine.Rlhf;

/// <summary>Reads and writes the options of a run: a JSON file with comments, then <c>key=value</c> settings on top.</summary>
public static class RunConfiguration
{
    private static readonly JsonDocumentOptions Lenient = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    /// <summary>Defaults, then the file's keys, then the settings.</summary>
    /// <param name="path">The file, or null for none.</param>
    /// <param name="settings">Each <c>key=value</c>; the value is JSON, or else a text.</param>
    /// <exception cref="InvalidInputException">The file is no JSON object, a key is unknown (the nearest known one is named), or a value is of the wrong type or out of range.</exception>
    public static T Load<T>(string? path, IEnumerable<string>? settings = null) where T : TrainerOptions, new()
    {
        T options = new();
        if (path is not null)
        {
            using JsonDocument document = Read(path);
            Apply(options, document.RootElement, path);
        }

        Set(options, settings ?? []);
        return options;
    }

    /// <summary>Applies <c>key=value</c> settings.</summary>
    /// <exception cref="InvalidInputException">A key is unknown, or a value is of the wrong type or out of range.</exception>
    public static void Set(TrainerOptions options, IEnumerable<string> settings)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(settings);
        foreach (string setting in settings) { ApplySetting(options, setting); }
    }

    /// <summary>Sets every key of a JSON object on a record of options.</summary>
    public static void Apply<T>(T options, JsonElement values, string source, params ReadOnlySpan<string> ignoredKeys) where T : TrainerOptions
    {
        ArgumentNullException.ThrowIfNull(options);
        if (values.ValueKind != JsonValueKind.Object) { throw new InvalidInputException(source, $"a JSON {values.ValueKind.ToString().ToLowerInvariant()}", "a JSON object with the run's keys"); }
        IReadOnlyList<OptionKey> keys = OptionKey.Of(options.GetType());
        HashSet<string> seen = [];
        foreach (JsonProperty property in values.EnumerateObject())
        {
            if (ignoredKeys.Contains(property.Name)) { continue; }
            if (!seen.Add(property.Name)) { throw new InvalidInputException(source, $"\"{property.Name}\" twice", "every key once"); }
            Find(keys, property.Name, source).Set(options, property.Value, source);
        }
    }

    /// <summary>The resolved options as JSON, readable by <see cref="Load"/>; with <paramref name="comments"/> every key says what it does.</summary>
    public static string Print(TrainerOptions options, bool comments)
    {
        ArgumentNullException.ThrowIfNull(options);
        StringBuilder text = new("{\n");
        IReadOnlyList<OptionKey> keys = OptionKey.Of(options.GetType());
        for (int i = 0; i < keys.Count; i++)
        {
            if (comments) { text.Append($"  // {keys[i].Attribute.Help} ({keys[i].Expected()})\n"); }
            text.Append($"  \"{keys[i].Name}\": {keys[i].ToJson(options)}{(i + 1 < keys.Count ? "," : "")}\n");
        }

        return text.Append("}\n").ToString();
    }

    /// <summary>A JSON schema (draft 2020-12) of one kind of run, for editors.</summary>
    public static string Schema(TrainerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        JsonObject properties = [];
        foreach (OptionKey key in OptionKey.Of(options.GetType()))
        {
            JsonObject p = new() { ["description"] = key.Attribute.Help, ["default"] = JsonNode.Parse(key.ToJson(options)) };
            if (key.Type == typeof(IReadOnlyList<DataSource>)) { p["type"] = new JsonArray("string", "array"); }
            else { p["type"] = key.Type == typeof(bool) ? "boolean" : key.Type == typeof(string) ? "string" : key.Type == typeof(double) ? "number" : "integer"; }
            if (key.Attribute.Choices.Length > 0) { p["enum"] = new JsonArray([.. key.Attribute.Choices.Split(',').Select(c => (JsonNode)c)]); }
            if (!double.IsInfinity(key.Attribute.Min)) { p[key.Attribute.AboveMin ? "exclusiveMinimum" : "minimum"] = key.Attribute.Min; }
            if (!double.IsInfinity(key.Attribute.Max)) { p["maximum"] = key.Attribute.Max; }
            properties[key.Name] = p;
        }

        return new JsonObject
        {
            ["$schema"] = "https://json-schema.org/draft/2020-12/schema",
            ["title"] = options.GetType().Name,
            ["type"] = "object",
            ["additionalProperties"] = false,
            ["properties"] = properties,
        }.ToJsonString(new JsonSerializerOptions { WriteIndented = true });
    }

    /// <summary>Parses a configuration file: JSON with comments and trailing commas, UTF-8.</summary>
    public static JsonDocument Read(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (!File.Exists(path)) { throw new InvalidInputException(path, "no such file", "a configuration in JSON"); }
        byte[] bytes = File.ReadAllBytes(path);
        try
        {
            return JsonDocument.Parse(bytes.AsMemory(bytes.AsSpan().StartsWith(Encoding.UTF8.Preamble) ? 3 : 0), Lenient);
        }
        catch (JsonException e)
        {
            throw new InvalidInputException($"{path}:{e.LineNumber + 1}", $"invalid JSON at byte {e.BytePositionInLine}", "JSON (comments are allowed)");
        }
    }

    private static void ApplySetting(TrainerOptions options, string setting)
    {
        int equals = setting.IndexOf('=', StringComparison.Ordinal);
        if (equals <= 0) { throw new InvalidInputException("--set", $"\"{setting}\"", "key=value"); }
        string name = setting[..equals].Trim(), text = setting[(equals + 1)..].Trim();
        OptionKey key = Find(OptionKey.Of(options.GetType()), name, "--set");
        key.Set(options, ParseValue(text, key.Type == typeof(string)), "--set");
    }

    // A text need not stand in quotes; a list or object must be JSON.
    private static JsonElement ParseValue(string text, bool isText)
    {
        try
        {
            if (!isText || text.StartsWith('"'))
            {
                using JsonDocument document = JsonDocument.Parse(text, Lenient);
                return document.RootElement.Clone();
            }
        }
        catch (JsonException)
        {
            // falls through to a text
        }

        return JsonSerializer.SerializeToElement(text);
    }

    private static OptionKey Find(IReadOnlyList<OptionKey> keys, string name, string source)
    {
        foreach (OptionKey key in keys)
        {
            if (key.Name == name) { return key; }
        }

        OptionKey nearest = keys.MinBy(k => Distance(k.Name, name))!;
        throw new InvalidInputException(source, $"unknown key \"{name}\"", $"a known one; the nearest is \"{nearest.Name}\"");
    }

    /// <summary>Levenshtein 1966.</summary>
    private static int Distance(string a, string b)
    {
        int[] row = [.. Enumerable.Range(0, b.Length + 1)];
        for (int i = 1; i <= a.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.Length; j++)
            {
                int best = Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
                (diagonal, row[j]) = (row[j], best);
            }
        }

        return row[b.Length];
    }
}
