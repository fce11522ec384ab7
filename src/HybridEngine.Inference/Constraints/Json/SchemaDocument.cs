using System.Globalization;
using System.Text.Json;
using HybridEngine.Core;

namespace HybridEngine.Inference;

/// <summary>A JSON Schema document: its schemas by where they stand, and by the URIs and anchors that references name.</summary>
internal sealed class SchemaDocument
{
    private const string RootUri = "schema:/root";
    private const int DeepestNesting = 128, LongestText = 4 << 20;

    private static readonly HashSet<string> DataKeywords = ["enum", "const", "default", "examples"];

    private static readonly HashSet<string> NameKeywords = ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"];

    private readonly Dictionary<string, Schema> _byPath = new(StringComparer.Ordinal);
    private readonly List<Schema> _byId = [];
    private readonly Dictionary<string, Schema> _constants = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _resources = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _anchors = new(StringComparer.Ordinal);

    private SchemaDocument(JsonElement root)
    {
        Walk(root, "", RootUri);
        _resources.TryAdd(RootUri, "");
        Root = _byPath[""];
    }

    public Schema Root { get; }

    /// <summary>The schema that allows nothing.</summary>
    public Schema False => Constant("false");

    /// <summary>The schema of an id.</summary>
    public Schema ById(int id) => _byId[id];

    /// <summary>A schema that allows one value: the parts of a constant are judged as schemas too.</summary>
    public Schema Constant(JsonElement value) => Constant($"{{\"const\":{value.GetRawText()}}}");

    public static SchemaDocument Parse(string json)
    {
        if (json.Length > LongestText) { throw new InvalidInputException("json_schema", $"{json.Length.ToString(CultureInfo.InvariantCulture)} characters", $"at most {LongestText}"); }
        try
        {
            JsonElement root = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = DeepestNesting }).RootElement;
            if (root.ValueKind is not (JsonValueKind.Object or JsonValueKind.True or JsonValueKind.False)) { throw new InvalidInputException("json_schema", $"a {root.ValueKind}", "an object, true or false"); }
            return new SchemaDocument(root);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or ArgumentException)
        {
            throw new InvalidInputException("json_schema", error.Message.ReplaceLineEndings(" "), "a JSON Schema");
        }
    }

    /// <summary>A schema inside another, by keyword and, where that holds several, name or index.</summary>
    public Schema Child(Schema parent, string keyword, string? name = null)
    {
        string path = $"{parent.Path}/{Escape(keyword)}{(name is null ? "" : "/" + Escape(name))}";
        return _byPath.TryGetValue(path, out Schema? child) ? child : throw new InvalidInputException($"json_schema at #{path}", "no schema", "an object, true or false");
    }

    /// <summary>The schemas of an array or object of them.</summary>
    public IEnumerable<Schema> Children(Schema parent, string keyword, JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.Array) { return Enumerable.Range(0, value.GetArrayLength()).Select(i => Child(parent, keyword, i.ToString(CultureInfo.InvariantCulture))); }
        return value.ValueKind == JsonValueKind.Object ? value.EnumerateObject().Select(member => Child(parent, keyword, member.Name)) : throw parent.Wrong(keyword, value, "schemas");
    }

    /// <summary>The schema that a reference names.</summary>
    public Schema Resolve(Schema from, string reference)
    {
        int hash = reference.IndexOf('#', StringComparison.Ordinal);
        string fragment = hash < 0 ? "" : reference[(hash + 1)..];
        string resource = hash == 0 ? WithoutFragment(from.BaseUri) : WithoutFragment(Absolute(from.BaseUri, hash < 0 ? reference : reference[..hash]));
        if (!_resources.TryGetValue(resource, out string? path)) { throw new UnsupportedException(from.Source, $"$ref '{reference}' to another document", "references inside the schema"); }
        if (fragment.Length > 0 && fragment[0] != '/')
        {
            return _anchors.TryGetValue($"{resource}#{fragment}", out string? at) ? _byPath[at] : throw Missing(from, reference);
        }

        path += Uri.UnescapeDataString(fragment);
        return _byPath.TryGetValue(path, out Schema? found) ? found : throw Missing(from, reference);
    }

    private static InvalidInputException Missing(Schema from, string reference) => new(from.Source, $"$ref '{reference}', which names nothing", "the place of a schema");

    private Schema Constant(string json)
    {
        if (_constants.TryGetValue(json, out Schema? known)) { return known; }
        return _constants[json] = Add(JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = DeepestNesting + 2 }).RootElement, "", RootUri);
    }

    private Schema Add(JsonElement element, string path, string baseUri)
    {
        var schema = new Schema(_byId.Count, element, path, baseUri);
        _byId.Add(schema);
        return schema;
    }

    private void Walk(JsonElement element, string path, string baseUri)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                if (element.TryGetProperty("$id", out JsonElement id) && id.ValueKind == JsonValueKind.String)
                {
                    baseUri = Absolute(baseUri, id.GetString()!);
                    _resources[WithoutFragment(baseUri)] = path;
                }

                foreach (string keyword in (ReadOnlySpan<string>)["$anchor", "$dynamicAnchor"])
                {
                    if (element.TryGetProperty(keyword, out JsonElement anchor) && anchor.ValueKind == JsonValueKind.String) { _anchors[$"{WithoutFragment(baseUri)}#{anchor.GetString()}"] = path; }
                }

                _byPath[path] = Add(element, path, baseUri);
                // Under "properties" a name is a name, whatever it is; elsewhere these keywords hold data.
                bool names = path.Length > 0 && NameKeywords.Contains(path[(path.LastIndexOf('/') + 1)..]);
                foreach (JsonProperty member in element.EnumerateObject())
                {
                    if (names || !DataKeywords.Contains(member.Name)) { Walk(member.Value, $"{path}/{Escape(member.Name)}", baseUri); }
                }

                break;
            case JsonValueKind.Array:
                int index = 0;
                foreach (JsonElement item in element.EnumerateArray()) { Walk(item, $"{path}/{(index++).ToString(CultureInfo.InvariantCulture)}", baseUri); }
                break;
            case JsonValueKind.True or JsonValueKind.False:
                _byPath[path] = Add(element, path, baseUri);
                break;
        }
    }

    private static string Absolute(string baseUri, string reference)
    {
        if (reference.Length == 0) { return baseUri; }
        if (Uri.TryCreate(reference, UriKind.Absolute, out Uri? whole) && !reference.StartsWith('/')) { return whole.AbsoluteUri; }
        return Uri.TryCreate(baseUri, UriKind.Absolute, out Uri? from) && Uri.TryCreate(from, reference, out Uri? joined) ? joined.AbsoluteUri : reference;
    }

    private static string WithoutFragment(string uri) => uri.IndexOf('#', StringComparison.Ordinal) is var at && at >= 0 ? uri[..at] : uri;

    private static string Escape(string name) => name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);
}
