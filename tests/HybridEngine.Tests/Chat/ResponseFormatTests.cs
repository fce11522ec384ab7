using System.Text.Json;
using System.Text.RegularExpressions;
using HybridEngine.Core;
using Microsoft.Extensions.AI;
using Xunit;

namespace HybridEngine.Tests;

/// <summary>Answers of a given form, from a model that otherwise talks nonsense.</summary>
public sealed class ResponseFormatTests : IClassFixture<AsyncEngineTests.Model>
{
    private const string Schema = """{"type":"object","properties":{"color":{"enum":["red","green"]},"count":{"type":"integer","minimum":0,"maximum":9},"on":{"type":"boolean"}},"required":["color","count","on"],"additionalProperties":false}""";
    private readonly TalkingModel _model;

    public ResponseFormatTests(AsyncEngineTests.Model model) => _model = model.Folder;

    public enum Color { Red, Green }

    public sealed record Answer(Color Color, bool On);

    [Fact]
    public async Task ResponseFormat_Schema_HoldsForEveryAnswer()
    {
        using HybridChatClient client = _model.Chat();
        ChatResponse[] all = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => client.GetResponseAsync("x", new ChatOptions { Seed = i, ResponseFormat = ChatResponseFormat.ForJsonSchema(JsonDocument.Parse(Schema).RootElement) })));
        foreach (ChatResponse response in all)
        {
            Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
            JsonElement json = JsonDocument.Parse(response.Text).RootElement;
            Assert.Equal(3, json.EnumerateObject().Count());
            Assert.Contains(json.GetProperty("color").GetString(), (string[])["red", "green"]);
            Assert.InRange(json.GetProperty("count").GetDouble(), 0, 9);
            Assert.Contains(json.GetProperty("on").ValueKind, (JsonValueKind[])[JsonValueKind.True, JsonValueKind.False]);
        }

        Assert.True(all.Select(r => r.Text).Distinct().Count() > 1);
    }

    [Fact]
    public async Task GetResponseAsyncOfT_ARecord_ComesBackAsOne()
    {
        using HybridChatClient client = _model.Chat();
        ChatResponse<Answer> response = await client.GetResponseAsync<Answer>("x");
        Assert.True(response.TryGetResult(out Answer? answer), response.Text);
        Assert.True(Enum.IsDefined(answer.Color));
    }

    [Fact]
    public async Task ResponseFormat_JsonWithoutSchema_IsAnObjectOrItsBeginning()
    {
        using HybridChatClient client = _model.Chat(new ChatClientOptions { MaxOutputTokens = 60 });
        ChatResponse response = await client.GetResponseAsync("x", new ChatOptions { ResponseFormat = ChatResponseFormat.Json, Seed = 5 });
        Assert.StartsWith("{", response.Text.TrimStart(), StringComparison.Ordinal);
        if (response.FinishReason == ChatFinishReason.Stop) { Assert.Equal(JsonValueKind.Object, JsonDocument.Parse(response.Text).RootElement.ValueKind); }
    }

    [Fact]
    public async Task RegexAndChoice_AdditionalProperties_Hold()
    {
        using HybridChatClient client = _model.Chat();
        async Task<string> ask(string name, object value) => (await client.GetResponseAsync("x", new ChatOptions { AdditionalProperties = new() { [name] = value } })).Text;
        Assert.Matches(new Regex("^[a-c]{3}-[0-9]{2}$"), await ask("regex", "[a-c]{3}-[0-9]{2}"));
        Assert.Contains(await ask("choice", new[] { "yes", "no", "perhaps" }), (string[])["yes", "no", "perhaps"]);
    }

    [Fact]
    public async Task ResponseFormat_SchemaWithAnUnknownKeyword_IsRefusedByItsName()
    {
        using HybridChatClient client = _model.Chat();
        ChatOptions options = new() { ResponseFormat = ChatResponseFormat.ForJsonSchema(JsonDocument.Parse("""{"type":"object","unevaluatedProperties":false,"$dynamicRef":"#x"}""").RootElement) };
        await Assert.ThrowsAnyAsync<HybridEngineException>(() => client.GetResponseAsync("x", options));
        options = new() { ResponseFormat = ChatResponseFormat.Json, AdditionalProperties = new() { ["regex"] = "a" } };
        Assert.StartsWith("response_format", (await Assert.ThrowsAnyAsync<HybridEngineException>(() => client.GetResponseAsync("x", options))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("<tool_call>"), InlineData("[TOOL_CALLS]"), InlineData("\\\"parameters\\\": "), InlineData("functools"), InlineData("<|START_ACTION|>"), InlineData("<function="), InlineData("<｜tool▁call▁begin｜>")]
    public async Task RequiredTool_OfAModelThatTalksNonsense_IsCalledWithArgumentsOfItsSchema(string marker)
    {
        using TalkingModel model = new($"{{% if false %}}{marker.Replace("\\\"", "\"", StringComparison.Ordinal)}{{% endif %}}{{% for t in tools or [] %}}{{{{ t.function.name }}}}{{% endfor %}}{{% for m in messages %}}{{{{ m.content }}}}{{% endfor %}}");
        using HybridChatClient client = model.Chat();
        AIFunction paint = AIFunctionFactory.Create((Color color, bool on) => 1, "paint"), wait = AIFunctionFactory.Create((bool longer) => 1, "wait");
        for (int seed = 0; seed < 3; seed++)
        {
            ChatResponse response = await client.GetResponseAsync("x", new ChatOptions { Seed = seed, Tools = [wait, paint], ToolMode = ChatToolMode.RequireSpecific("paint") });
            FunctionCallContent call = Assert.IsType<FunctionCallContent>(Assert.Single(response.Messages[0].Contents));
            Assert.Equal(("paint", 2, ChatFinishReason.ToolCalls), (call.Name, call.Arguments!.Count, response.FinishReason));
            Assert.Contains(call.Arguments["color"]!.ToString(), (string[])["Red", "Green"]);
            if (ToolCallFormat.Of(marker.Replace("\\\"", "\"", StringComparison.Ordinal))!.Keys is null) { continue; }
            response = await client.GetResponseAsync("x", new ChatOptions { Seed = seed, Tools = [wait, paint], ToolMode = ChatToolMode.RequireAny });
            call = Assert.IsType<FunctionCallContent>(Assert.Single(response.Messages[0].Contents));
            Assert.Equal(call.Name == "wait" ? 1 : 2, call.Arguments!.Count);
        }
    }
}
