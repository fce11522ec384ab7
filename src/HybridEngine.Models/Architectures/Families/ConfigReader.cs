using System.Text.Json;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Typed, range-checked access to the keys of a <c>config.json</c>; every error names the file and the key. A key that is null counts as absent.</summary>
public sealed class ConfigReader
{
    // Widths and counts beyond these are damage, not models; they keep every product of two sizes within 64 bits.
    private const int MaxSize = 1 << 24, MaxLayers = 4096;

    private readonly JsonElement _root;

    /// <param name="source">Named in errors.</param>
    /// <param name="root">The configuration's object.</param>
    public ConfigReader(string source, JsonElement root) => (Source, _root) = (source, root);

    /// <summary>The file, as errors name it.</summary>
    public string Source { get; }

    /// <summary>True when the key is there and not null.</summary>
    public bool Has(string key) => Find(key) is not null;

    /// <summary>True when the key is there and explicitly null, which for some keys means "none" where absence means a default.</summary>
    public bool IsNull(string key) => _root.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.Null;

    /// <summary>The object under a key, or null.</summary>
    public ConfigReader? Section(string key) => Find(key) is not { } value ? null
        : value.ValueKind == JsonValueKind.Object ? new ConfigReader($"{Source}: {key}", value) : throw Wrong(key, value, "an object");

    /// <summary>A width, count or length: an integer from 1 on.</summary>
    public int Size(string key, int? absent = null)
    {
        int? value = Integer(key) ?? absent;
        if (value is not { } size) { throw new InvalidInputException(Source, $"no {key}", "an integer of at least 1"); }
        int most = key is "num_hidden_layers" or "n_layer" or "num_layers" ? MaxLayers : MaxSize;
        return size >= 1 && size <= most ? size : throw new InvalidInputException($"{Source}: {key}", $"{size}", $"an integer from 1 to {most}");
    }

    /// <summary>An integer, or null when absent.</summary>
    public int? Integer(string key)
    {
        if (Find(key) is not { } value) { return null; }
        // Some exporters write 4096.0.
        return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) && number == Math.Floor(number) && Math.Abs(number) <= int.MaxValue
            ? (int)number : throw Wrong(key, value, "an integer");
    }

    /// <summary>A finite number.</summary>
    public double Number(string key, double? absent = null)
    {
        if (Find(key) is not { } value) { return absent ?? throw new InvalidInputException(Source, $"no {key}", "a number"); }
        return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) && double.IsFinite(number) ? number : throw Wrong(key, value, "a finite number");
    }

    /// <summary>A finite number greater than 0.</summary>
    public double Positive(string key, double? absent = null)
    {
        double value = Number(key, absent);
        return value > 0 ? value : throw new InvalidInputException($"{Source}: {key}", $"{value}", "a number greater than 0");
    }

    /// <summary>true or false.</summary>
    public bool Flag(string key, bool absent)
    {
        if (Find(key) is not { } value) { return absent; }
        return value.ValueKind switch { JsonValueKind.True => true, JsonValueKind.False => false, _ => throw Wrong(key, value, "true or false") };
    }

    /// <summary>A string, or null when absent.</summary>
    public string? Text(string key)
    {
        if (Find(key) is not { } value) { return null; }
        return value.ValueKind == JsonValueKind.String ? value.GetString() : throw Wrong(key, value, "a string");
    }

    /// <summary>An array of strings; empty when absent.</summary>
    public IReadOnlyList<string> Texts(string key)
    {
        if (Find(key) is not { } value) { return []; }
        bool ok = value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(v => v.ValueKind == JsonValueKind.String);
        return ok ? [.. value.EnumerateArray().Select(v => v.GetString()!)] : throw Wrong(key, value, "an array of strings");
    }

    /// <summary>An array of integers; empty when absent.</summary>
    public IReadOnlyList<int> Integers(string key)
    {
        if (Find(key) is not { } value) { return []; }
        bool ok = value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(v => v.ValueKind == JsonValueKind.Number && v.TryGetInt32(out _));
        return ok ? [.. value.EnumerateArray().Select(v => v.GetInt32())] : throw Wrong(key, value, "an array of integers");
    }

    /// <summary>An array of finite numbers.</summary>
    public IReadOnlyList<double> Numbers(string key)
    {
        JsonElement value = Find(key) ?? throw new InvalidInputException(Source, $"no {key}", "an array of numbers");
        bool ok = value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(v => v.ValueKind == JsonValueKind.Number && v.TryGetDouble(out double number) && double.IsFinite(number));
        return ok ? [.. value.EnumerateArray().Select(v => v.GetDouble())] : throw Wrong(key, value, "an array of finite numbers");
    }

    /// <summary>Patterns with their number of repetitions, <c>[[["global", "local"], 12]]</c>, written out; empty when absent.</summary>
    /// <param name="key">The key.</param>
    /// <param name="most">Longest result.</param>
    public IReadOnlyList<string> RepeatedTexts(string key, int most)
    {
        if (Find(key) is not { } value) { return []; }
        const string Expected = "an array of [[texts], repetitions]";
        List<string> all = [];
        if (value.ValueKind != JsonValueKind.Array) { throw Wrong(key, value, Expected); }
        foreach (JsonElement item in value.EnumerateArray())
        {
            bool ok = item.ValueKind == JsonValueKind.Array && item.GetArrayLength() == 2 && item[0].ValueKind == JsonValueKind.Array
                && item[0].EnumerateArray().All(v => v.ValueKind == JsonValueKind.String) && item[1].ValueKind == JsonValueKind.Number;
            if (!ok || !item[1].TryGetInt32(out int times) || times < 0) { throw Wrong(key, value, Expected); }
            if (all.Count + (long)times * item[0].GetArrayLength() > most) { throw Wrong(key, value, $"{most} layers in all"); }
            for (int i = 0; i < times; i++) { all.AddRange(item[0].EnumerateArray().Select(v => v.GetString()!)); }
        }

        return all;
    }

    /// <summary>A token id or an array of them; empty when absent. -1, which some exporters write for "none", is left out.</summary>
    public IReadOnlyList<int> TokenIds(string key)
    {
        if (Find(key) is not { } value) { return []; }
        List<int> ids = [];
        foreach (JsonElement item in value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().ToArray() : [value])
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt32(out int id)) { throw Wrong(key, value, "a token id or an array of them"); }
            if (id != -1) { ids.Add(id); }
        }

        return ids;
    }

    /// <summary>The key's value as JSON text, for messages; null when absent.</summary>
    public string? Raw(string key) => Find(key)?.GetRawText();

    /// <summary>An error about one option whose value the engine does not implement.</summary>
    public UnsupportedException Unsupported(string key, string supported) => new(Source, $"{key} = {Shorten(Raw(key) ?? "absent")}", supported);

    private JsonElement? Find(string key)
        => _root.TryGetProperty(key, out JsonElement value) && value.ValueKind is not (JsonValueKind.Null or JsonValueKind.Undefined) ? value : null;

    private InvalidInputException Wrong(string key, JsonElement value, string expected) => new($"{Source}: {key}", Shorten(value.GetRawText()), expected);

    private static string Shorten(string text)
    {
        string line = text.ReplaceLineEndings(" ");
        return line.Length <= 80 ? line : line[..77] + "...";
    }
}
