using HybridEngine.Core;
using HybridEngine.Inference;
using Microsoft.Extensions.AI;
using Xunit;

namespace HybridEngine.Tests;

/// <summary>Function calls through the chat client and the package's own function-invoking client.</summary>
public sealed class FunctionCallingTests
{
    private static readonly AIFunction _add = AIFunctionFactory.Create((int a, int b) => a + b, "add", "Adds.");
    private static readonly AIFunction _now = AIFunctionFactory.Create(() => "noon", "now");

    // Hermes' way, without describing the tools: the script knows what to say.
    private const string Hermes = "{% if tools %}{% for t in tools %}{{ t.function.name }} {% endfor %}{% endif %}{% for m in messages %}<|im_start|>{{ m.role }}: {{ m.content }}{% for c in m.tool_calls or [] %}<tool_call>{{ c.function | tojson }}</tool_call>{% endfor %}<|im_end|>{% endfor %}<|im_start|>";

    [Fact]
    public async Task FunctionInvokingChatClient_OverTheClient_CallsAndAnswers()
    {
        using TalkingModel model = new(Hermes);
        int turn = 0;
        string[] script = ["I add. <tool_call>{\"name\": \"add\", \"arguments\": {\"a\": 2, \"b\": 40}}</tool_call>", "It is 42."];
        using IChatClient client = new ChatClientBuilder(model.Chat()).UseFunctionInvocation().Build();
        ChatOptions options = new() { Tools = [_add, _now], RawRepresentationFactory = _ => new SamplingOptions { MaxTokens = 200, Constraint = new TalkingModel.Script(script[turn++]) } };
        ChatResponse response = await client.GetResponseAsync("What is 2 + 40?", options);
        Assert.Equal(2, turn);
        Assert.Equal("I add.|add({\"a\":2,\"b\":40})|42|It is 42.", string.Join('|', response.Messages.SelectMany(m => m.Contents).Select(c => c is FunctionResultContent r ? r.Result!.ToString()! : AnswerReaderTests.Describe([c]))));
        Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
    }

    [Fact]
    public async Task Tools_CalledInAStream_ComeWholeAndTheReasonSaysSo()
    {
        using TalkingModel model = new(Hermes);
        using HybridChatClient client = model.Chat();
        ChatOptions options = TalkingModel.Saying("<tool_call>{\"name\": \"now\"}</tool_call><tool_call>{\"name\": \"add\", \"arguments\": {\"a\": 1, \"b\": 1}}</tool_call>");
        options.Tools = [_add, _now];
        ChatResponse response = await client.GetStreamingResponseAsync("x", options).ToChatResponseAsync();
        Assert.Equal("now({})|add({\"a\":1,\"b\":1})", AnswerReaderTests.Describe(response.Messages[0].Contents));
        Assert.Equal(ChatFinishReason.ToolCalls, response.FinishReason);

        options.AllowMultipleToolCalls = false;
        response = await client.GetResponseAsync("x", options);
        Assert.Equal("now({})", AnswerReaderTests.Describe(response.Messages[0].Contents));
        Assert.Equal(ChatFinishReason.ToolCalls, response.FinishReason);

        options.ToolMode = ChatToolMode.None;
        response = await client.GetResponseAsync("x", options);
        Assert.StartsWith("<tool_call>", response.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tools_OfATemplateWhoseMarkersAreSpecialTokens_AreReadAllTheSame()
    {
        using TalkingModel model = new("{{ tools | length if tools }}{% for m in messages %}{{ m.content }}{% endfor %}{# [TOOL_CALLS] #}{% for t in tools or [] %}{{ t.function.name }}{% endfor %}".Replace("{# [TOOL_CALLS] #}", "{{ '' if true else '[TOOL_CALLS]' }}", StringComparison.Ordinal));
        using HybridChatClient client = model.Chat();
        ChatOptions options = TalkingModel.Saying("[TOOL_CALLS][{\"name\": \"now\", \"arguments\": {}}]");
        options.Tools = [_now];
        ChatResponse response = await client.GetResponseAsync("x", options);
        Assert.Equal("now({})", AnswerReaderTests.Describe(response.Messages[0].Contents));
    }

    [Fact]
    public async Task RequireSpecific_BeginsTheCallForTheModel()
    {
        using TalkingModel model = new(Hermes);
        using HybridChatClient client = model.Chat();
        ChatOptions options = TalkingModel.Saying("{\"a\": 1, \"b\": 2}}</tool_call>");
        (options.Tools, options.ToolMode) = ([_add, _now], ChatToolMode.RequireSpecific("add"));
        Assert.Equal("add({\"a\":1,\"b\":2})", AnswerReaderTests.Describe((await client.GetResponseAsync("x", options)).Messages[0].Contents));
        options = TalkingModel.Saying("now\"}</tool_call>");
        (options.Tools, options.ToolMode) = ([_add, _now], ChatToolMode.RequireAny);
        Assert.Equal("now({})", AnswerReaderTests.Describe((await client.GetResponseAsync("x", options)).Messages[0].Contents));
    }

    [Fact]
    public async Task Reasoning_InTheAnswer_IsContentOfItsOwn_AndMayBeHidden()
    {
        using TalkingModel model = new("{% for m in messages %}{{ m.content }}{% endfor %}{{ '<think>' if enable_thinking | default(true) else '<think></think>' }}");
        using HybridChatClient client = model.Chat();
        ChatOptions options = TalkingModel.Saying("because</think>\n\nyes");
        ChatResponse response = await client.GetResponseAsync("x", options);
        Assert.Equal("{because}|yes", AnswerReaderTests.Describe(response.Messages[0].Contents));
        Assert.Equal("yes", response.Text);
        Assert.True(response.Usage!.ReasoningTokenCount >= 7);

        options.Reasoning = new ReasoningOptions { Output = ReasoningOutput.None };
        Assert.Equal("yes", AnswerReaderTests.Describe((await client.GetResponseAsync("x", options)).Messages[0].Contents));

        options = TalkingModel.Saying("at once");
        options.Reasoning = new ReasoningOptions { Effort = ReasoningEffort.None };
        Assert.Equal("at once", AnswerReaderTests.Describe((await client.GetResponseAsync("x", options)).Messages[0].Contents));
    }

    [Fact]
    public async Task ToolMessages_OfATemplateThatRefuses_SayItsReason()
    {
        using TalkingModel model = new("{% if tools %}{{ tools[0].function.name }}{% endif %}{% for m in messages %}{% if m.role == 'tool' %}{{ raise_exception('no results here') }}{% endif %}{{ m.content }}{% endfor %}");
        using HybridChatClient client = model.Chat();
        ChatMessage[] messages = [new(ChatRole.User, "x"), new(ChatRole.Assistant, [new FunctionCallContent("1", "now")]), new(ChatRole.Tool, [new FunctionResultContent("1", "noon")])];
        HybridEngineException e = await Assert.ThrowsAnyAsync<HybridEngineException>(() => client.GetResponseAsync(messages, new ChatOptions { Tools = [_now] }));
        Assert.Contains("no results here", e.Message, StringComparison.Ordinal);
    }
}
