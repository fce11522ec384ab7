using System.Reflection;
using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Models;
using Microsoft.Extensions.AI;
using Xunit;
using ChatMessage = Microsoft.Extensions.AI.ChatMessage;

namespace HybridEngine.Tests;

/// <summary>The contract of <see cref="IChatClient"/>.</summary>
public sealed class ChatClientTests : IClassFixture<AsyncEngineTests.Model>
{
    private static readonly ChatMessage[] _hello = [new(ChatRole.System, "Be short."), new(ChatRole.User, "Grüße 😀")];
    private readonly TalkingModel _model;

    public ChatClientTests(AsyncEngineTests.Model model) => _model = model.Folder;

    [Fact]
    public async Task GetResponseAsync_Text_ComesWithUsageReasonAndIds()
    {
        using HybridChatClient client = _model.Chat();
        ChatResponse response = await client.GetResponseAsync(_hello, TalkingModel.Saying("Grüß 😀!"));
        Assert.Equal("Grüß 😀!", response.Text);
        Assert.Equal(ChatRole.Assistant, Assert.Single(response.Messages).Role);
        Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
        Assert.Equal("talker", response.ModelId);
        Assert.NotNull(response.ResponseId);
        Assert.IsType<long>(response.AdditionalProperties!["weight_version"]);
        Tokenizer tokenizer = (Tokenizer)client.GetService(typeof(Tokenizer))!;
        int prompt = tokenizer.Encode("<|im_start|>system\nBe short.<|im_end|>\n<|im_start|>user\nGrüße 😀<|im_end|>\n<|im_start|>assistant\n").Length;
        GenerationResult raw = Assert.IsType<GenerationResult>(response.RawRepresentation);
        Assert.Equal((prompt, raw.TokenIds.Length, prompt + raw.TokenIds.Length), (response.Usage!.InputTokenCount, response.Usage.OutputTokenCount, response.Usage.TotalTokenCount));
    }

    [Fact]
    public async Task GetStreamingResponseAsync_Text_IsTheSameInWholeCharacters()
    {
        using HybridChatClient client = _model.Chat();
        List<ChatResponseUpdate> updates = [];
        await foreach (ChatResponseUpdate u in client.GetStreamingResponseAsync(_hello, TalkingModel.Saying("a😀ü文b"))) { updates.Add(u); }
        Assert.Equal(["a", "😀", "ü", "文", "b"], updates.Where(u => u.Text.Length > 0).Select(u => u.Text));
        Assert.All(updates, u => Assert.Equal((ChatRole.Assistant, updates[0].ResponseId, "talker"), (u.Role!.Value, u.ResponseId, u.ModelId)));
        Assert.Equal(ChatFinishReason.Stop, Assert.Single(updates, u => u.FinishReason is not null).FinishReason);
        Assert.IsType<UsageContent>(Assert.Single(updates[^1].Contents));
    }

    [Fact]
    public async Task MaxOutputTokens_Reached_IsFinishReasonLength()
    {
        using HybridChatClient client = _model.Chat();
        ChatOptions options = TalkingModel.Saying("abcdef");
        options.MaxOutputTokens = 3;
        ChatResponse response = await client.GetResponseAsync(_hello, options);
        Assert.Equal(("abc", ChatFinishReason.Length, 3L), (response.Text, response.FinishReason, response.Usage!.OutputTokenCount));
    }

    [Fact]
    public async Task StopSequences_InTheAnswer_EndItBefore()
    {
        using HybridChatClient client = _model.Chat();
        ChatOptions options = TalkingModel.Saying("one two three");
        options.StopSequences = ["two"];
        ChatResponse response = await client.GetResponseAsync(_hello, options);
        Assert.Equal(("one ", ChatFinishReason.Stop), (response.Text, response.FinishReason));
    }

    [Fact]
    public async Task Seed_Given_RepeatsTheAnswer_NotGiven_DrawsAnew()
    {
        using HybridChatClient client = _model.Chat(new ChatClientOptions { MaxOutputTokens = 24 });
        async Task<string> ask(long? seed) => (await client.GetResponseAsync(_hello, new ChatOptions { Seed = seed, AdditionalProperties = new() { ["ignore_eos"] = true } })).Text;
        string first = await ask(7);
        await ask(null);
        Assert.Equal(first, await ask(7));
        Assert.NotEqual(first, await ask(8));
        Assert.NotEqual(await ask(null), await ask(null));
    }

    [Fact]
    public async Task TemperatureTopKTopP_Given_AreUsed()
    {
        using HybridChatClient client = _model.Chat(new ChatClientOptions { MaxOutputTokens = 16 });
        async Task<string> ask(ChatOptions options) => (await client.GetResponseAsync(_hello, options)).Text;
        string greedy = await ask(new ChatOptions { Temperature = 0 });
        Assert.Equal(greedy, await ask(new ChatOptions { TopK = 1, Seed = 3 }));
        Assert.Equal(greedy, await ask(new ChatOptions { TopP = 1e-6f, Seed = 4 }));
        Assert.Equal(greedy, await ask(new ChatOptions { AdditionalProperties = new() { ["min-p"] = 1.0, ["repetition_penalty"] = 1 }, Seed = 5 }));
        Assert.NotEqual(greedy, await ask(new ChatOptions { Seed = 3 }));
    }

    [Fact]
    public async Task PenaltiesAndBans_Given_AreUsed()
    {
        using HybridChatClient client = _model.Chat(new ChatClientOptions { MaxOutputTokens = 24 });
        async Task<int[]> ask(ChatOptions options) => ((GenerationResult)(await client.GetResponseAsync(_hello, options)).RawRepresentation!).TokenIds;
        AdditionalPropertiesDictionary on(string name, object value) => new() { ["ignore_eos"] = true, [name] = value };
        int[] greedy = await ask(new ChatOptions { Temperature = 0, AdditionalProperties = on("min_tokens", 0) });
        Assert.NotEqual(greedy.Length, greedy.Distinct().Count());
        int[] ngrams = await ask(new ChatOptions { Temperature = 0, AdditionalProperties = on("no_repeat_ngram_size", 1) });
        Assert.Equal(24, ngrams.Distinct().Count());
        int[] penalised = await ask(new ChatOptions { Temperature = 0, PresencePenalty = 2, FrequencyPenalty = 2, AdditionalProperties = on("min_p", 0) });
        Assert.True(penalised.Distinct().Count() > greedy.Distinct().Count());
        int[] biased = await ask(new ChatOptions { Seed = 1, AdditionalProperties = on("logit_bias", System.Text.Json.JsonDocument.Parse("""{"65": 100}""").RootElement) });
        Assert.All(biased, id => Assert.Equal(65, id));
    }

    [Fact]
    public async Task Instructions_Given_AreASystemMessage()
    {
        using HybridChatClient client = _model.Chat();
        ChatOptions with = TalkingModel.Saying("x");
        with.Instructions = "Be short.";
        ChatResponse asMessage = await client.GetResponseAsync(_hello, TalkingModel.Saying("x"));
        ChatResponse asInstructions = await client.GetResponseAsync(_hello[1..], with);
        Assert.Equal(asMessage.Usage!.InputTokenCount, asInstructions.Usage!.InputTokenCount);
    }

    [Fact]
    public async Task LogProbs_Asked_AreInTheRawRepresentation()
    {
        using HybridChatClient client = _model.Chat();
        ChatResponse response = await client.GetResponseAsync(_hello, new ChatOptions { MaxOutputTokens = 4, AdditionalProperties = new() { ["logprobs"] = 3, ["ignore_eos"] = "true" } });
        GenerationResult raw = Assert.IsType<GenerationResult>(response.RawRepresentation);
        Assert.Equal(4, raw.TopLogProbs.Length);
        Assert.All(raw.TopLogProbs, t => Assert.Equal(3, t.Length));
    }

    // A later version of the package may bring a member that nobody here has thought of.
    [Fact]
    public void ChatOptions_EveryMember_IsHonouredOrRefused() => Assert.Equal(
        ["AdditionalProperties", "AllowBackgroundResponses", "AllowMultipleToolCalls", "ContinuationToken", "ConversationId", "FrequencyPenalty", "Instructions", "MaxOutputTokens", "ModelId", "PresencePenalty",
            "RawRepresentationFactory", "Reasoning", "ResponseFormat", "Seed", "StopSequences", "Temperature", "ToolMode", "Tools", "TopK", "TopP"],
        typeof(ChatOptions).GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.CanWrite).Select(p => p.Name).Order(StringComparer.Ordinal));

    public static TheoryData<string, ChatOptions> Refused => new()
    {
        { "conversation_id", new ChatOptions { ConversationId = "c1" } },
        { "allow_background_responses", new ChatOptions { AllowBackgroundResponses = true } },
        { "continuation_token", new ChatOptions { ContinuationToken = ResponseContinuationToken.FromBytes(new byte[] { 1 }) } },
        { "model", new ChatOptions { ModelId = "gpt-4" } },
        { "max_output_tokens", new ChatOptions { MaxOutputTokens = 0 } },
        { "temperature", new ChatOptions { Temperature = -1 } },
        { "top_p", new ChatOptions { TopP = 0 } },
        { "top_k", new ChatOptions { TopK = -1 } },
        { "additional_properties", new ChatOptions { AdditionalProperties = new() { ["mni_p"] = 1 } } },
        { "min_p", new ChatOptions { AdditionalProperties = new() { ["min_p"] = "much" } } },
        { "raw_representation_factory", new ChatOptions { RawRepresentationFactory = _ => "what" } },
        { "tools", new ChatOptions { Tools = [new HostedWebSearchTool()] } },
        { "tool_mode", new ChatOptions { ToolMode = ChatToolMode.RequireAny } },
        { "tool_mode", new ChatOptions { ToolMode = ChatToolMode.RequireSpecific("g"), Tools = [AIFunctionFactory.Create(() => 1, "f")] } },
        { "reasoning.output", new ChatOptions { Reasoning = new ReasoningOptions { Output = ReasoningOutput.Summary } } },
        { "response_format", new ChatOptions { ResponseFormat = ChatResponseFormat.Json, Tools = [AIFunctionFactory.Create(() => 1, "f")] } },
        { "chat_template_kwargs", new ChatOptions { AdditionalProperties = new() { ["chat_template_kwargs"] = 3 } } },
    };

    [Theory, MemberData(nameof(Refused))]
    public async Task GetResponseAsync_OptionThatCannotBeHonoured_IsRefusedByName(string name, ChatOptions options)
    {
        using HybridChatClient client = _model.Chat();
        HybridEngineException e = await Assert.ThrowsAnyAsync<HybridEngineException>(() => client.GetResponseAsync(_hello, options));
        Assert.StartsWith(name, e.Message, StringComparison.Ordinal);
        Assert.Equal(0, ((AsyncEngine)client.GetService(typeof(AsyncEngine))!).Pending);
    }

    [Fact]
    public async Task GetResponseAsync_ContentThatIsNotText_IsRefusedByName()
    {
        using HybridChatClient client = _model.Chat();
        UnsupportedException e = await Assert.ThrowsAsync<UnsupportedException>(() => client.GetResponseAsync([new ChatMessage(ChatRole.User, [new DataContent(new byte[] { 1 }, "image/png")])]));
        Assert.Contains("DataContent", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task GetResponseAsync_ConversationThatDoesNotFit_SaysHowLongItIs()
    {
        using HybridChatClient client = _model.Chat();
        InvalidInputException e = await Assert.ThrowsAsync<InvalidInputException>(() => client.GetResponseAsync([new ChatMessage(ChatRole.User, new string('x', 600))]));
        Assert.Contains("512", e.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<ArgumentNullException>(() => client.GetResponseAsync((IEnumerable<ChatMessage>)null!));
        Assert.Throws<ArgumentNullException>(() => client.GetStreamingResponseAsync((IEnumerable<ChatMessage>)null!));
    }

    [Fact]
    public async Task GetStreamingResponseAsync_TokenCancelled_StopsAndFreesThePlace()
    {
        using HybridChatClient client = _model.Chat();
        using CancellationTokenSource stop = new();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (ChatResponseUpdate u in client.GetStreamingResponseAsync(_hello, TalkingModel.Saying(new string('y', 300)), stop.Token)) { await stop.CancelAsync(); }
        });
        AsyncEngine engine = (AsyncEngine)client.GetService(typeof(AsyncEngine))!;
        Assert.Equal(0, await engine.InvokeAsync(m => m.Generator().Load.Running));
        Assert.Equal(0, engine.Pending);
    }

    [Fact]
    public async Task GetStreamingResponseAsync_LeftEarly_CancelsTheRest()
    {
        using HybridChatClient client = _model.Chat();
        await foreach (ChatResponseUpdate u in client.GetStreamingResponseAsync(_hello, TalkingModel.Saying(new string('y', 300)))) { break; }
        AsyncEngine engine = (AsyncEngine)client.GetService(typeof(AsyncEngine))!;
        Assert.Equal(0, await engine.InvokeAsync(m => m.Generator().Load.Running));
    }

    [Fact]
    public async Task GetResponseAsync_ManyAtOnce_EachGetsItsOwn()
    {
        using HybridChatClient client = _model.Chat();
        string[] texts = [.. Enumerable.Range(0, 24).Select(i => $"answer {i} ü{new string((char)('a' + i), i)}")];
        ChatResponse[] responses = await Task.WhenAll(texts.Select(t => Task.Run(() => client.GetResponseAsync(_hello, TalkingModel.Saying(t)))));
        Assert.Equal(texts, responses.Select(r => r.Text));
        Assert.Equal(24, responses.Select(r => r.ResponseId).Distinct().Count());
    }

    [Fact]
    public void GetService_Types_AreFound()
    {
        using HybridChatClient client = _model.Chat();
        ChatClientMetadata metadata = Assert.IsType<ChatClientMetadata>(client.GetService(typeof(ChatClientMetadata)));
        Assert.Equal(("hybridengine", "talker"), (metadata.ProviderName, metadata.DefaultModelId));
        Assert.Same(client, client.GetService(typeof(IChatClient)));
        Assert.Same(client, client.GetService(typeof(HybridChatClient)));
        Assert.IsType<AsyncEngine>(client.GetService(typeof(AsyncEngine)));
        Assert.Null(client.GetService(typeof(ChatClientMetadata), "key"));
        Assert.Null(client.GetService(typeof(string)));
        Assert.Throws<ArgumentNullException>(() => client.GetService(null!));
    }
}
