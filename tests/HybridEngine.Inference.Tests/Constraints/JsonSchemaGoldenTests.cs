using System.Text.Encodings.Web;
using System.Text.Json;
using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Testing;
using Xunit;
using Xunit.Abstractions;

namespace HybridEngine.Inference.Tests.Constraints;

/// <summary>The JSON-Schema-Test-Suite: exactly the valid texts are accepted, or the schema is refused by a keyword's name.</summary>
public class JsonSchemaGoldenTests(ITestOutputHelper output)
{
    // The suite's format.json says of the same schemas that format is only a note, where its format-*.json check it; a constraint checks.
    private const string NotesOnly = "format.json";

    // What is refused, and in how many groups of the suite; a keyword that leaves this list is progress, one that joins it must say why.
    private static readonly string[] Refusable =
    [
        "uniqueItems", "unevaluatedItems beside", "unevaluatedProperties beside", "$dynamicRef", "to another document", "format '", "minProperties of",
    ];

    private static readonly JsonSerializerOptions Raw = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    [Fact]
    public void JsonSchema_TestSuite_AcceptsExactlyTheValidTextsOrNamesTheKeyword()
    {
        using JsonDocument files = JsonDocument.Parse(File.ReadAllText(RepoRoot.Golden("constraints", "json_schema.json")));
        int right = 0, refused = 0;
        var wrong = new List<string>();
        var reasons = new SortedDictionary<string, int>(StringComparer.Ordinal);
        foreach (JsonProperty file in files.RootElement.EnumerateObject())
        {
            foreach (JsonElement group in file.Value.EnumerateArray())
            {
                string schema = group.GetProperty("schema").GetRawText();
                TextConstraint constraint;
                try
                {
                    constraint = TextConstraint.JsonSchema(schema);
                }
                catch (UnsupportedException error)
                {
                    if (!Refusable.Any(reason => error.Message.Contains(reason, StringComparison.Ordinal))) { wrong.Add($"{file.Name}: {error.Message}"); }
                    string key = Refusable.FirstOrDefault(reason => error.Message.Contains(reason, StringComparison.Ordinal)) ?? error.Message;
                    int texts = group.GetProperty("tests").GetArrayLength();
                    reasons[key] = reasons.GetValueOrDefault(key) + texts;
                    refused += texts;
                    continue;
                }

                foreach (JsonElement test in group.GetProperty("tests").EnumerateArray())
                {
                    JsonElement data = test.GetProperty("data");
                    bool valid = test.GetProperty("valid").GetBoolean();
                    if ($"{file.Name}.json" == NotesOnly && data.ValueKind == JsonValueKind.String && StringFormatIsChecked(group)) { valid = false; }
                    foreach (string text in Spellings(data))
                    {
                        if (constraint.Accepts(text) != valid) { wrong.Add($"{file.Name}: {schema}: {text} is {(valid ? "valid" : "not valid")}"); }
                    }

                    right++;
                }
            }
        }

        output.WriteLine($"{right} texts, {refused} refused: {string.Join(", ", reasons)}");
        Assert.True(wrong.Count == 0, $"{wrong.Count} wrong: {string.Join('\n', wrong.Take(40))}");
        Assert.Equal(1589, right + refused);
        Assert.True(refused <= 320, $"{refused} texts of refused schemas");
    }

    private static bool StringFormatIsChecked(JsonElement group) => group.GetProperty("schema").GetProperty("format").GetString() is "email" or "date-time" or "time" or "uuid" or "duration" or "ipv6" or "uri" or "json-pointer";

    private static IEnumerable<string> Spellings(JsonElement data)
    {
        yield return Write(data, "", Raw);
        yield return Write(data, " ", Raw);
        yield return Write(data, "", JsonSerializerOptions.Default);
    }

    /// <summary>Compact JSON with the numbers as they are written, and a space (or none) after colons and commas.</summary>
    private static string Write(JsonElement data, string space, JsonSerializerOptions strings) => data.ValueKind switch
    {
        JsonValueKind.Array => $"[{string.Join("," + space, data.EnumerateArray().Select(item => Write(item, space, strings)))}]",
        JsonValueKind.Object => $"{{{string.Join("," + space, data.EnumerateObject().Select(member => $"{JsonSerializer.Serialize(member.Name, strings)}:{space}{Write(member.Value, space, strings)}"))}}}",
        JsonValueKind.String => JsonSerializer.Serialize(data.GetString(), strings),
        _ => data.GetRawText(),
    };
}
