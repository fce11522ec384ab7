using System.Globalization;
using System.Text.Json;
using HybridEngine.Core;

namespace HybridEngine.Inference;

/// <summary>One schema of a document: an object, or true or false.</summary>
internal sealed class Schema
{
    public Schema(int id, JsonElement element, string path, string baseUri) => (Id, Element, Path, BaseUri) = (id, element, path, baseUri);

    public int Id { get; }

    public JsonElement Element { get; }

    /// <summary>JSON pointer from the root, for messages.</summary>
    public string Path { get; }

    /// <summary>What references in it are relative to.</summary>
    public string BaseUri { get; }

    /// <summary>What error messages call it.</summary>
    public string Source => Path.Length == 0 ? "json_schema" : $"json_schema at #{Path}";

    public bool IsTrue => Element.ValueKind == JsonValueKind.True || (Element.ValueKind == JsonValueKind.Object && !Element.EnumerateObject().Any());

    public bool IsFalse => Element.ValueKind == JsonValueKind.False;

    /// <summary>The value of a keyword, if it is there.</summary>
    public bool Has(string keyword, out JsonElement value)
    {
        value = default;
        return Element.ValueKind == JsonValueKind.Object && Element.TryGetProperty(keyword, out value);
    }

    public bool Has(string keyword) => Has(keyword, out _);

    /// <summary>The value of a keyword that must be of a kind.</summary>
    public bool Has(string keyword, JsonValueKind kind, string expected, out JsonElement value)
    {
        if (!Has(keyword, out value)) { return false; }
        return value.ValueKind == kind ? true : throw Wrong(keyword, value, expected);
    }

    /// <summary>A count: a whole number from 0 (written as 2 or 2.0).</summary>
    public int? Count(string keyword)
    {
        if (!Has(keyword, JsonValueKind.Number, "a whole number of at least 0", out JsonElement value)) { return null; }
        JsonDecimal number = JsonNumberTexts.Read(value.GetRawText(), Source);
        if (number.Negative || !number.IsInteger) { throw Wrong(keyword, value, "a whole number of at least 0"); }
        return int.TryParse(number.Whole, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count < int.MaxValue ? count
            : throw new UnsupportedException(Source, $"{keyword} of {number.Whole}", "counts up to 2,147,483,646");
    }

    public InvalidInputException Wrong(string keyword, JsonElement found, string expected)
    {
        string text = found.GetRawText();
        return new InvalidInputException(Source, $"{keyword} = {(text.Length > 60 ? string.Concat(text.AsSpan(0, 60), "...") : text)}", expected);
    }
}
