using System.Text.Json;
using HybridEngine.Models;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Tokenization.Tests;

/// <summary>Templates of known models, and one language feature each, against Jinja2 as transformers sets it up.</summary>
public sealed class ChatTemplateGoldenTests
{
    // The moment at which the recordings were made: a Sunday.
    private static readonly DateTime Then = new(2025, 3, 9, 8, 5, 3);

    [SkippableFact]
    public void Render_KnownModels_GivesTransformersTexts()
    {
        string folder = SharedData.Require("golden", "chat_templates");
        var templates = new Dictionary<string, ChatTemplate>();
        var wrong = new List<string>();
        foreach (string line in File.ReadLines(Path.Combine(folder, "rendered.jsonl")))
        {
            JsonElement record = JsonElement.Parse(line);
            string name = record.GetProperty("template").GetString()!;
            if (!templates.TryGetValue(name, out ChatTemplate? template)) templates[name] = template = new ChatTemplate(File.ReadAllText(Path.Combine(folder, name)));
            Check(template, record.GetProperty("variables"), record, $"{name}, {record.GetProperty("case")}", wrong);
        }
        Assert.True(wrong.Count == 0, HuggingFaceGoldenTests.Report(wrong));
    }

    [Fact]
    public void Render_EachFeature_GivesJinjasText()
    {
        string folder = RepoRoot.Golden("chat_templates");
        Dictionary<string, JsonElement> variables = Golden.Json(Path.Combine(folder, "jinja_features_variables.json")).EnumerateObject().ToDictionary(member => member.Name, member => member.Value);
        variables["messages"] = JsonElement.Parse("[]");
        var wrong = new List<string>();
        foreach (string line in File.ReadLines(Path.Combine(folder, "jinja_features.jsonl")))
        {
            JsonElement record = JsonElement.Parse(line);
            var template = new ChatTemplate(record.GetProperty("source").GetString()!);
            Check(template, JsonSerializer.SerializeToElement(variables), record, record.GetProperty("case").GetString()!, wrong);
        }
        Assert.True(wrong.Count == 0, HuggingFaceGoldenTests.Report(wrong));
    }

    [SkippableTheory]
    [MemberData(nameof(HuggingFaceGoldenTests.Folders), MemberType = typeof(HuggingFaceGoldenTests))]
    public void Render_TokenizersOwnTemplate_GivesTextAndIds(string folder)
    {
        (Tokenizer tokenizer, JsonElement cases) = HuggingFaceGoldenTests.Open(folder);
        if (!cases.TryGetProperty("chat", out JsonElement chats)) return;
        var wrong = new List<string>();
        foreach (JsonElement chat in chats.EnumerateArray())
        {
            string text = tokenizer.ChatTemplate!.Render(chat);
            HuggingFaceGoldenTests.Compare([chat.GetProperty("text").GetString()!], [text], "text", chat.GetProperty("messages").GetRawText(), wrong);
            HuggingFaceGoldenTests.Compare(chat.GetProperty("ids").Ints(), tokenizer.Encode(text, addSpecialTokens: false), "ids", text, wrong);
        }
        Assert.True(wrong.Count == 0, HuggingFaceGoldenTests.Report(wrong));
    }

    private static void Check(ChatTemplate template, JsonElement variables, JsonElement record, string name, List<string> wrong)
    {
        string result;
        bool? raised = null;
        try
        {
            result = template.Render(variables, Then);
        }
        catch (TemplateException error)
        {
            (result, raised) = (error.Message, error.RaisedByTemplate);
        }
        if (record.TryGetProperty("output", out JsonElement output))
        {
            if (raised != null) wrong.Add($"{name}: error '{result}'");
            else HuggingFaceGoldenTests.Compare([output.GetString()!], [result], "text", name, wrong);
            return;
        }
        JsonElement expected = record.GetProperty("error");
        bool byTemplate = expected.GetProperty("raised_by_template").GetBoolean();
        if (raised != byTemplate) wrong.Add($"{name}: got '{result}' ({raised}), expected the error {expected}");
        else if (byTemplate) HuggingFaceGoldenTests.Compare([expected.GetProperty("message").GetString()!], [result], "message", name, wrong);
    }
}
