using System.Text.Json;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>A part of a JSON document that knows its file and its path, so that every complaint can name both.</summary>
internal readonly struct JsonSection
{
    private readonly JsonElement _element;

    public JsonSection(JsonElement element, string file, string path) => (_element, File, Path) = (element, file, path);

    public string File { get; }

    public string Path { get; }

    public JsonElement Element => _element;

    public bool IsNull => _element.ValueKind is JsonValueKind.Null or JsonValueKind.Undefined;

    public bool IsObject => _element.ValueKind == JsonValueKind.Object;

    public bool IsArray => _element.ValueKind == JsonValueKind.Array;

    /// <summary>The part's <c>type</c>, by which normalizers, pre-tokenizers and the rest are told apart.</summary>
    public string Type => this["type"].AsString();

    /// <summary>A member; null-like when it is absent.</summary>
    public JsonSection this[string name]
    {
        get
        {
            if (_element.ValueKind != JsonValueKind.Object) throw Wrong("an object");
            return new JsonSection(_element.TryGetProperty(name, out JsonElement value) ? value : default, File, $"{Path}.{name}");
        }
    }

    public IEnumerable<JsonSection> Items()
    {
        if (!IsArray) throw Wrong("an array");
        int index = 0;
        foreach (JsonElement item in _element.EnumerateArray()) yield return new JsonSection(item, File, $"{Path}[{index++}]");
    }

    public IEnumerable<(string Name, JsonSection Value)> Members()
    {
        if (!IsObject) throw Wrong("an object");
        foreach (JsonProperty member in _element.EnumerateObject()) yield return (member.Name, new JsonSection(member.Value, File, $"{Path}.{member.Name}"));
    }

    public string AsString() => _element.ValueKind == JsonValueKind.String ? _element.GetString()! : throw Wrong("a string");

    public int AsInt() => _element.ValueKind == JsonValueKind.Number && _element.TryGetInt32(out int value) ? value : throw Wrong("a whole number of 32 bits");

    public float AsFloat() => _element.ValueKind == JsonValueKind.Number && _element.TryGetSingle(out float value) && float.IsFinite(value) ? value : throw Wrong("a number");

    /// <summary>A number to the bit as the tokenizers library reads it (<see cref="RustNumber"/>).</summary>
    public double AsScore() => _element.ValueKind == JsonValueKind.Number && RustNumber.Parse(_element.GetRawText()) is var value && double.IsFinite(value) ? value : throw Wrong("a number");

    public bool AsBool() => _element.ValueKind switch { JsonValueKind.True => true, JsonValueKind.False => false, _ => throw Wrong("true or false") };

    public string? StringOrNull(string name) => this[name] is { IsNull: false } value ? value.AsString() : null;

    public bool Flag(string name, bool otherwise) => this[name] is { IsNull: false } value ? value.AsBool() : otherwise;

    public int Number(string name, int otherwise) => this[name] is { IsNull: false } value ? value.AsInt() : otherwise;

    public InvalidInputException Wrong(string expected) => new(File, $"{Describe()} at {Path}", expected);

    public UnsupportedException Unsupported(string feature, string supported) => new(File, $"{feature} (at {Path})", supported);

    private string Describe()
    {
        if (_element.ValueKind == JsonValueKind.Undefined) return "nothing";
        string text = _element.GetRawText();
        return text.Length <= 60 ? text : text[..57] + "...";
    }
}
