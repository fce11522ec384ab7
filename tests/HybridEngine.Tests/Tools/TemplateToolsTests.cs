using System.Text.Json;
using HybridEngine.Models;
using HybridEngine.Testing;
using Microsoft.Extensions.AI;
using Xunit;
using ChatMessage = Microsoft.Extensions.AI.ChatMessage;

namespace HybridEngine.Tests;

/// <summary>The templates of known models: what each renders for a call, its reader reads back as that call.</summary>
public sealed class TemplateToolsTests
{
    private static readonly AIFunction _weather = AIFunctionFactory.Create((string city, int days) => "sunny", "get_weather", "The weather of a city.");

    public static TheoryData<string, bool> WithCalls => new()
    {
        { "Qwen-Qwen2.5-7B-Instruct.jinja", true },
        { "NousResearch-Hermes-3-Llama-3.1-8B-tool_use.jinja", true },
        { "meta-llama-Llama-3.1-8B-Instruct.jinja", true },
        { "meta-llama-Llama-3.2-3B-Instruct.jinja", true },
        { "mistralai-Mistral-Nemo-Instruct-2407.jinja", true },
        { "meetkai-functionary-medium-v3.1.jinja", true },
        { "meetkai-functionary-medium-v3.2.jinja", true },
        { "CohereForAI-c4ai-command-r-plus-tool_use.jinja", true },
        { "CohereForAI-c4ai-command-r7b-12-2024-tool_use.jinja", true },
        { "deepseek-ai-DeepSeek-R1-Distill-Qwen-32B.jinja", false },
        { "fireworks-ai-llama-3-firefunction-v2.jinja", true },
        { "google-gemma-2-2b-it.jinja", false },
        { "microsoft-Phi-3.5-mini-instruct.jinja", false },
    };

    [SkippableTheory, MemberData(nameof(WithCalls))]
    public void Render_AConversationWithACall_IsReadBackAsTheCall(string file, bool rendersTools)
    {
        ChatRenderer renderer = Open(file);
        Assert.Equal(rendersTools, renderer.RendersTools);
        Dictionary<string, object?> arguments = new() { ["city"] = "Zürich {\"x\"}", ["days"] = 3 };
        ChatMessage user = new(ChatRole.User, "What is the weather?");
        ChatMessage call = new(ChatRole.Assistant, [new FunctionCallContent("abc123def", "get_weather", arguments)]);
        ChatMessage result = new(ChatRole.Tool, [new FunctionResultContent("abc123def", "sunny, 25 degrees")]);
        string prompt = renderer.Render([user], null, [_weather], []);
        Assert.Contains("get_weather", prompt, StringComparison.Ordinal);
        Assert.Contains("The weather of a city.", prompt, StringComparison.Ordinal);
        string all = renderer.Render([user, call, result], null, [_weather], []);
        Assert.Contains("25 degrees", all, StringComparison.Ordinal);

        int start = all.LastIndexOf("get_weather", StringComparison.Ordinal);
        int opening = renderer.Calls.Openings.Max(o => all.LastIndexOf(o, start, StringComparison.Ordinal));
        if (renderer.Calls.BeginsWithJson) { opening = all.LastIndexOf('{', start); }
        AnswerReader reader = new(renderer.Calls, ["get_weather"], renderer.Thinks, false);
        FunctionCallContent read = reader.Add(all[opening..]).Concat(reader.Finish()).OfType<FunctionCallContent>().First();
        Assert.Equal("get_weather", read.Name);
        Assert.Equal("Zürich {\"x\"}", ((JsonElement)read.Arguments!["city"]!).GetString());
        Assert.Equal(3, ((JsonElement)read.Arguments["days"]!).GetInt32());
    }

    [SkippableTheory]
    [InlineData("Qwen-Qwen2.5-7B-Instruct.jinja"), InlineData("meta-llama-Llama-3.1-8B-Instruct.jinja"), InlineData("mistralai-Mistral-Nemo-Instruct-2407.jinja"), InlineData("google-gemma-2-2b-it.jinja")]
    [InlineData("NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use.jinja"), InlineData("deepseek-ai-DeepSeek-R1-Distill-Llama-8B.jinja"), InlineData("meetkai-functionary-medium-v3.2.jinja")]
    public void Render_WithoutTools_MentionsNone(string file)
    {
        string text = Open(file).Render([new ChatMessage(ChatRole.User, "Hi")], null, [], []);
        Assert.Contains("Hi", text, StringComparison.Ordinal);
        Assert.DoesNotContain("get_weather", text, StringComparison.Ordinal);
    }

    // What is begun for the model must be the beginning of what the reader reads.
    [SkippableTheory, MemberData(nameof(WithCalls))]
    public void Begin_OfACallThatMustCome_CompletedByArguments_IsRead(string file, bool rendersTools)
    {
        _ = rendersTools;
        ChatRenderer renderer = Open(file);
        string opened = renderer.Render([new ChatMessage(ChatRole.User, "x")], null, [_weather], []) is { } text ? renderer.Calls.Openings.FirstOrDefault(o => text.EndsWith(o, StringComparison.Ordinal)) ?? "" : "";
        AnswerReader reader = new(renderer.Calls, ["get_weather"], renderer.Thinks, false);
        string written = renderer.Calls.Write("get_weather", "{\"city\": \"Bern\"}");
        Assert.StartsWith(opened + renderer.Calls.Begin("get_weather"), written, StringComparison.Ordinal);
        Assert.StartsWith(renderer.Calls.Begin(null), renderer.Calls.Begin("get_weather"), StringComparison.Ordinal);
        Assert.Equal("get_weather({\"city\":\"Bern\"})", AnswerReaderTests.Read(reader, [written]));
    }

    private static ChatRenderer Open(string file)
    {
        string path = SharedData.Require("golden", "chat_templates", file);
        return new ChatRenderer(new ChatTemplate(File.ReadAllText(path), new Dictionary<string, string> { ["bos_token"] = "<s>", ["eos_token"] = "</s>" }));
    }
}
