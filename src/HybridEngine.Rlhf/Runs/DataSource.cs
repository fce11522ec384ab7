using System.Globalization;
using System.Text.Json;
using HybridEngine.Core;

namespace HybridEngine.Rlhf;

/// <summary>One file of a blend.</summary>
/// <param name="Path">A JSON Lines file.</param>
/// <param name="Weight">Its share, relative to the others.</param>
public sealed record DataSource(string Path, double Weight = 1)
{
    /// <summary>Reads <c>"file.jsonl"</c> or <c>[{"path": "a.jsonl", "weight": 2}, "b.jsonl"]</c>.</summary>
    internal static IReadOnlyList<DataSource> Parse(JsonElement value, string where)
    {
        if (value.ValueKind == JsonValueKind.Null) { return []; }
        if (value.ValueKind == JsonValueKind.String) { return value.GetString() is { Length: > 0 } path ? [new DataSource(path)] : []; }
        if (value.ValueKind != JsonValueKind.Array) { throw new InvalidInputException(where, value.GetRawText(), "a path, or a list of {\"path\", \"weight\"}"); }
        return [.. value.EnumerateArray().Select((e, i) => One(e, $"{where}[{i}]"))];
    }

    internal static string ToJson(IReadOnlyList<DataSource> sources) => sources switch
    {
        [] => "\"\"",
        [{ Weight: 1 } only] => JsonSerializer.Serialize(only.Path),
        _ => "[" + string.Join(", ", sources.Select(s => string.Create(CultureInfo.InvariantCulture, $"{{\"path\": {JsonSerializer.Serialize(s.Path)}, \"weight\": {s.Weight:R}}}"))) + "]",
    };

    private static DataSource One(JsonElement e, string where)
    {
        if (e.ValueKind == JsonValueKind.String) { return new DataSource(e.GetString()!); }
        if (e.ValueKind != JsonValueKind.Object) { throw new InvalidInputException(where, e.GetRawText(), "a path or {\"path\", \"weight\"}"); }
        string? path = null;
        double weight = 1;
        foreach (JsonProperty p in e.EnumerateObject())
        {
            switch (p.Name)
            {
                case "path" when p.Value.ValueKind == JsonValueKind.String:
                    path = p.Value.GetString();
                    break;
                case "weight" when p.Value.ValueKind == JsonValueKind.Number && p.Value.GetDouble() > 0:
                    weight = p.Value.GetDouble();
                    break;
                default:
                    throw new InvalidInputException(where, $"\"{p.Name}\": {p.Value.GetRawText()}", "\"path\" with a text and \"weight\" with a positive number");
            }
        }

        return path is null ? throw new InvalidInputException(where, "no \"path\"", "a path") : new DataSource(path, weight);
    }
}
