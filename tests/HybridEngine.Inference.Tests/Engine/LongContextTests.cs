using System.Globalization;
using System.Text.Json;
using HybridEngine.Core;
using HybridEngine.Models;
using Xunit;

namespace HybridEngine.Inference.Tests;

/// <summary>Contexts of 32 thousand tokens with scaled rotary positions, on a model of one narrow layer.</summary>
public sealed class LongContextTests
{
    private const int Context = 32768;

    [SkippableTheory]
    [InlineData("""{"rope_type": "linear", "factor": 8.0}""")]
    [InlineData("""{"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 4096}""")]
    [InlineData("""{"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 4096}""")]
    public void Run_ScaledPositionsNearTheEndOfAWindowedContext_AnswersDependOnDistancesAlone(string scaling)
    {
        int seed = Random.Shared.Next();
        Random random = new(seed);
        using IKernels kernels = Backend.Native2.Open();
        using Decoder decoder = Create(kernels, seed, scaling, window: 64);
        int[] prompt = [.. Enumerable.Range(0, Context - 40).Select(_ => random.Next(3, 64))];
        GenerationRequest request = new() { Prompt = prompt, Sampling = SamplingOptions.Greedy with { MaxTokens = 40, TopLogProbs = 3, IgnoreEos = true } };
        using GenerationEngine engine = new(decoder, new EngineOptions { CacheBlocks = 80 });
        Generation far = engine.Submit(request);
        while (engine.Step()) { Assert.True(engine.Load.UsedBlocks <= 80); }

        // One layer that looks back 64 positions: what stood before the last 64 tokens cannot matter, only that they stand 32 thousand positions further on.
        Generation near = engine.Submit(request with { Prompt = prompt[^100..] });
        engine.Run();
        (GenerationResult a, GenerationResult b) = (far.Results()[0], near.Results()[0]);
        for (int t = 0; t < 40 && a.TokenIds.AsSpan(0, t).SequenceEqual(b.TokenIds.AsSpan(0, t)); t++)
        {
            Assert.True(Math.Abs(a.TopLogProbs[t][0].LogProb - b.TopLogProbs[t][0].LogProb) < 2e-3, $"seed {seed}, token {t}: {a.TopLogProbs[t][0].LogProb} far, {b.TopLogProbs[t][0].LogProb} near");
        }
    }

    [SkippableFact]
    public void Run_WholeContextSeenByEveryToken_SameBitsAsTheWholeSequenceAtOnce()
    {
        int seed = Random.Shared.Next();
        Random random = new(seed);
        using IKernels kernels = Backend.Native2.Open();
        using Decoder decoder = Create(kernels, seed, """{"rope_type": "yarn", "factor": 8.0, "original_max_position_embeddings": 4096}""", window: 0);
        const int length = 12_000;
        GenerationRequest request = new() { Prompt = [.. Enumerable.Range(0, length).Select(_ => random.Next(3, 64))], Sampling = new() { MaxTokens = 20, IgnoreEos = true } };
        using GenerationEngine engine = new(decoder, new EngineOptions { MaxBatchTokens = 700, MaxSequences = 2 });
        Generation g = engine.Submit(request);
        engine.Run();
        GenerationResult r = g.Results()[0];
        using Scorer scorer = new(decoder);
        float[] scores = scorer.Score([[.. request.Prompt, .. r.TokenIds]])[0].LogProbs;
        Assert.Equal(scores[(length - 1)..], r.LogProbs);
        Assert.Equal("prompt", Assert.Throws<InvalidInputException>(() => engine.Submit(request with { Prompt = new int[Context - 19] })).Input);
    }

    private static Decoder Create(IKernels kernels, int seed, string scaling, int window)
    {
        string json = string.Create(CultureInfo.InvariantCulture, $$"""
            {"model_type": "mistral", "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1, "num_key_value_heads": 1, "head_dim": 16, "intermediate_size": 32, "vocab_size": 64,
             "max_position_embeddings": {{Context}}, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "hidden_act": "silu", "tie_word_embeddings": true, "eos_token_id": 2,
             "sliding_window": {{(window == 0 ? "null" : window)}}, "rope_scaling": {{scaling}}}
            """);
        using JsonDocument document = JsonDocument.Parse(json);
        DecoderConfig config = ModelFamilies.ReadConfig(new ConfigReader("long", document.RootElement));
        return Decoder.Create(kernels, config, ModelFamilies.Bind(config), new Initialization(0.6, 0.3, 0.3), (ulong)seed);
    }
}
