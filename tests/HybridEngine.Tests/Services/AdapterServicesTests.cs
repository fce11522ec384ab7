using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Models;
using HybridEngine.Testing;
using Microsoft.Extensions.AI;
using Xunit;

namespace HybridEngine.Tests;

/// <summary>Adapters by name through the asynchronous engine, the chat client and the embedding generator.</summary>
public sealed class AdapterServicesTests : IDisposable
{
    private readonly TalkingModel _model = new(TalkingModel.ChatMl);
    private readonly TestRandom _random = new();

    public void Dispose() => _model.Dispose();

    [Fact]
    public async Task ChatClient_AdapterInAdditionalProperties_AnswersWithIt()
    {
        await using AsyncEngine engine = _model.Open();
        LoraAdapter adapter = await engine.InvokeAsync(Load);
        using HybridChatClient client = new(engine);
        ChatOptions options = new() { Temperature = 0, MaxOutputTokens = 12, AdditionalProperties = new() { ["adapter"] = "sharp", ["ignore_eos"] = true } };
        ChatResponse with = await client.GetResponseAsync("Hello", options);
        options.AdditionalProperties.Remove("adapter");
        ChatResponse without = await client.GetResponseAsync("Hello", options);
        int[] prompt = engine.Tokenizer!.Encode("<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n", addSpecialTokens: false);
        GenerationRequest request = new() { Prompt = prompt, Adapter = adapter, Sampling = new() { Temperature = 0, MaxTokens = 12, IgnoreEos = true } };
        Assert.Equal((await engine.GenerateAsync(request))[0].Text, with.Text);
        Assert.Equal((await engine.GenerateAsync(request with { Adapter = null }))[0].Text, without.Text);
        Assert.NotEqual(with.Text, without.Text);
        Assert.Equal(0, adapter.Holders);

        options.AdditionalProperties["adapter"] = "other";
        Assert.Contains("one of sharp", (await Assert.ThrowsAsync<InvalidInputException>(() => client.GetResponseAsync("Hello", options))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task EmbeddingGenerator_Adapter_IsReadWithIt()
    {
        await using AsyncEngine engine = _model.Open();
        LoraAdapter adapter = await engine.InvokeAsync(Load);
        using HybridEmbeddingGenerator generator = new(engine);
        float[] with = (await generator.GenerateAsync(["a text"], new() { AdditionalProperties = new() { ["adapter"] = "sharp" } }))[0].Vector.ToArray();
        float[] without = (await generator.GenerateAsync(["a text"]))[0].Vector.ToArray();
        int[] ids = engine.Tokenizer!.Encode("a text");
        ScoringOptions options = new() { LogProbs = false, Embedding = EmbeddingPooling.Mean, NormalizeEmbeddings = true };
        Compare.SameBits((await engine.InvokeAsync(m => m.Score([new ScoringInput(ids, adapter)], options)))[0].Embedding, with, _random);
        Assert.NotEqual(with, without);
    }

    // Large changes of every value projection and MLP, so that greedy answers differ.
    private LoraAdapter Load(HybridModel model) => model.Adapters.Add("sharp", new LoraWeights([.. model.Decoder.Bindings.Where(b => b.Role is ParameterRole.Value or ParameterRole.Down)
        .Select(b => new LoraDelta(b, b.TensorName[..^".weight".Length], 4, 2, _random.Normal(4 * b.Columns), _random.Normal(b.Rows * 4)))]));
}
