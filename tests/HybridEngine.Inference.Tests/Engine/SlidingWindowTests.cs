using HybridEngine.Core;
using HybridEngine.Models;
using Xunit;

namespace HybridEngine.Inference.Tests;

/// <summary>Blocks that no layer can see any more are free, and nothing changes.</summary>
public sealed class SlidingWindowTests
{
    [SkippableTheory]
    [InlineData(Backend.Reference, 40, 33)]
    [InlineData(Backend.Native2, 40, 33)]
    [InlineData(Backend.Native2, 16, 17)]
    [InlineData(Backend.Native2, 5, 64)]
    public void Run_EveryLayerHasAWindow_AFewBlocksServeALongContextWithTheSameBits(Backend backend, int window, int otherWindow)
    {
        int seed = Random.Shared.Next();
        Random random = new(seed);
        using IKernels kernels = backend.Open();
        using Decoder decoder = TinyModel.Create(kernels, TinyModel.Config(maxPositions: 1000) with { Windows = [window, otherWindow] }, (ulong)seed);
        int widest = Math.Max(window, otherWindow);
        int blocks = (widest + 15) / 16 + 1 + 1;
        using GenerationEngine engine = new(decoder, new EngineOptions { CacheBlocks = blocks, MaxSequences = 1, MaxBatchTokens = 16 });
        GenerationRequest request = new() { Prompt = Requests.Prompt(random, 500), Sampling = new() { MaxTokens = 100, Temperature = 0.8f, IgnoreEos = true } };
        Generation g = engine.Submit(request);
        while (engine.Step()) { Assert.True(engine.Load.UsedBlocks <= blocks); }
        using GenerationEngine whole = new(decoder, new EngineOptions { PrefixCache = false, MaxBatchTokens = 1000 });
        Generation expected = whole.Submit(request);
        whole.Run();
        Answers.Same(expected.Results()[0], g.Results()[0], whole: true, $"seed {seed}");
        Assert.Equal(0, engine.Load.UsedBlocks);

        // And against the whole sequence at once, without any cache.
        GenerationResult r = g.Results()[0];
        using Scorer scorer = new(decoder);
        float[] scores = scorer.Score([[.. request.Prompt, .. r.TokenIds]], new ScoringOptions { Temperature = 0.8f })[0].LogProbs;
        Assert.Equal(scores[(request.Prompt.Length - 1)..], r.LogProbs);
    }

    [Fact]
    public void Run_OneLayerSeesAll_NothingIsGivenBackEarly()
    {
        using IKernels kernels = Backend.Reference.Open();
        using Decoder decoder = TinyModel.Create(kernels, TinyModel.Config() with { Windows = [16, 0] }, 3);
        using GenerationEngine engine = new(decoder, new EngineOptions { MaxBatchTokens = 256 });
        GenerationRequest request = new() { Prompt = Requests.Prompt(new Random(1), 150), Sampling = new() { MaxTokens = 30, IgnoreEos = true } };
        Generation g = engine.Submit(request);
        int most = 0;
        while (engine.Step()) { most = Math.Max(most, engine.Load.UsedBlocks); }
        Assert.Equal((179 + 15) / 16, most);
        Answers.Same(Requests.Alone(decoder, request)[0], g.Results()[0], whole: true, "one layer sees all");
    }

    [SkippableTheory]
    [InlineData(Backend.Reference)]
    [InlineData(Backend.Native2)]
    public void Step_RandomArrivalsInATinyCacheWithWindows_AnswersEqualThoseAlone(Backend backend)
    {
        int seed = Random.Shared.Next();
        Random random = new(seed);
        using IKernels kernels = backend.Open();
        using Decoder decoder = TinyModel.Create(kernels, TinyModel.Config() with { Windows = [24, 17] }, (ulong)seed);
        using GenerationEngine engine = new(decoder, new EngineOptions { CacheBlocks = 9, MaxSequences = 6, MaxBatchTokens = 29 });
        List<(GenerationRequest Request, Generation Generation)> all = [];
        while (all.Count < 20 || engine.HasWork)
        {
            if (all.Count < 20 && random.Next(2) == 0)
            {
                GenerationRequest request = Requests.Any(random, all.Count, maxPrompt: 150, maxTokens: 40);
                all.Add((request, engine.Submit(request)));
            }

            engine.Step();
        }

        Assert.Equal(0, engine.Load.UsedBlocks);
        foreach ((GenerationRequest request, Generation generation) in all)
        {
            GenerationResult[] expected = Requests.Alone(decoder, request), actual = generation.Results();
            for (int c = 0; c < expected.Length; c++) { Answers.Same(expected[c], actual[c], whole: true, $"seed {seed}, request {request.RequestId}, choice {c}"); }
        }
    }
}
