using HybridEngine.Core;
using HybridEngine.Models;
using Xunit;

namespace HybridEngine.Inference.Tests;

/// <summary>A completion depends on its request alone, bit for bit.</summary>
public sealed class ContinuousBatchingTests
{
    [SkippableTheory]
    [InlineData(Backend.Reference)]
    [InlineData(Backend.Native1)]
    [InlineData(Backend.Native2)]
    public void Step_RandomArrivalsCancellationsAndATinyCache_AnswersEqualThoseAlone(Backend backend)
    {
        int seed = Random.Shared.Next();
        Random random = new(seed);
        using IKernels kernels = backend.Open();
        using Decoder decoder = TinyModel.Create(kernels, (ulong)seed);
        using GenerationEngine engine = new(decoder, new EngineOptions { CacheBlocks = 11, MaxSequences = 6, MaxBatchTokens = 23, MaxContext = 150 });
        List<(GenerationRequest Request, Generation Generation)> submitted = [];
        List<Generation> cancelled = [];
        const int requests = 24;
        while (submitted.Count < requests || engine.HasWork)
        {
            if (submitted.Count < requests && random.Next(2) == 0)
            {
                GenerationRequest request = Requests.Any(random, submitted.Count, maxPrompt: 90, maxTokens: 30);
                submitted.Add((request, engine.Submit(request)));
            }

            if (submitted.Count > 0 && random.Next(40) == 0)
            {
                Generation victim = submitted[random.Next(submitted.Count)].Generation;
                if (!victim.IsFinished) { cancelled.Add(victim); }
                engine.Cancel(victim);
                Assert.True(victim.IsFinished);
            }

            engine.Step();
        }

        foreach ((GenerationRequest request, Generation generation) in submitted)
        {
            GenerationResult[] expected = Requests.Alone(decoder, request);
            GenerationResult[] actual = generation.Results();
            for (int c = 0; c < expected.Length; c++)
            {
                string where = $"seed {seed}, request {request.RequestId}, choice {c}";
                bool whole = actual[c].FinishReason != FinishReason.Cancelled;
                Assert.True(whole || cancelled.Contains(generation), where);
                Answers.Same(expected[c], actual[c], whole, where);
            }
        }
    }

    [SkippableTheory]
    [InlineData(Backend.Reference)]
    [InlineData(Backend.Native2)]
    public void Run_CacheForLessThanTwo_TheYoungerIsComputedAgainAndAnswersTheSame(Backend backend)
    {
        int seed = Random.Shared.Next();
        Random random = new(seed);
        using IKernels kernels = backend.Open();
        using Decoder decoder = TinyModel.Create(kernels, (ulong)seed);
        using GenerationEngine engine = new(decoder, new EngineOptions { CacheBlocks = 9 });
        GenerationRequest[] requests =
        [
            .. Enumerable.Range(0, 2).Select(i => new GenerationRequest { Prompt = Requests.Prompt(random, 40), RequestId = i, Sampling = new() { MaxTokens = 60, IgnoreEos = true } }),
        ];
        Generation[] generations = [.. requests.Select(engine.Submit)];
        engine.Run();
        Assert.True(engine.Statistics.Preemptions > 0);
        for (int i = 0; i < 2; i++) { Answers.Same(Requests.Alone(decoder, requests[i])[0], generations[i].Results()[0], whole: true, $"seed {seed}, request {i}"); }
    }

    [SkippableTheory]
    [InlineData(Backend.Reference)]
    [InlineData(Backend.Native2)]
    public void Run_PromptInPiecesOfAnySize_SameBitsAsWhole(Backend backend)
    {
        int seed = Random.Shared.Next();
        Random random = new(seed);
        using IKernels kernels = backend.Open();
        using Decoder decoder = TinyModel.Create(kernels, (ulong)seed);
        GenerationRequest request = new() { Prompt = Requests.Prompt(random, 131), Sampling = new() { MaxTokens = 6, IgnoreEos = true } };
        GenerationResult expected = Requests.Alone(decoder, request)[0];
        foreach (int piece in (int[])[1, 2, 7, 16, 17, 64, 100, 131])
        {
            using GenerationEngine engine = new(decoder, new EngineOptions { MaxSequences = 1, MaxBatchTokens = piece });
            Generation g = engine.Submit(request);
            engine.Run();
            Answers.Same(expected, g.Results()[0], whole: true, $"seed {seed}, pieces of {piece}");
        }
    }

    [Fact]
    public void Run_ChoicesOfOnePrompt_ReadItOnceAndShareItsBlocks()
    {
        using IKernels kernels = Backend.Reference.Open();
        using Decoder decoder = TinyModel.Create(kernels);
        using GenerationEngine engine = new(decoder);
        GenerationRequest request = new() { Prompt = Requests.Prompt(new Random(3), 50), Choices = 8, Sampling = new() { MaxTokens = 5, IgnoreEos = true } };
        Generation g = engine.Submit(request);
        engine.Run();
        Assert.Equal(50, engine.Statistics.PrefillTokens);
        Assert.Equal(8 * 4, engine.Statistics.DecodeTokens);
        GenerationResult[] expected = Requests.Alone(decoder, request);
        for (int c = 0; c < 8; c++) { Answers.Same(expected[c], g.Results()[c], whole: true, $"choice {c}"); }
        Assert.True(g.Results().Select(r => string.Join(',', r.TokenIds)).Distinct().Count() > 1, "eight draws at temperature 1 were all equal");
    }

    [Fact]
    public void Cancel_Running_BlocksAreFreeForTheNext()
    {
        using IKernels kernels = Backend.Reference.Open();
        using Decoder decoder = TinyModel.Create(kernels);
        using GenerationEngine engine = new(decoder, new EngineOptions { CacheBlocks = 4, MaxContext = 64 });
        Generation first = engine.Submit(new GenerationRequest { Prompt = Requests.Prompt(new Random(1), 40), Sampling = new() { MaxTokens = 24, IgnoreEos = true } });
        engine.Step();
        Generation second = engine.Submit(new GenerationRequest { Prompt = Requests.Prompt(new Random(2), 40), Sampling = new() { MaxTokens = 4, IgnoreEos = true } });
        engine.Step();
        Assert.Empty(second.Results()[0].TokenIds);
        engine.Cancel(first);
        Assert.Equal(FinishReason.Cancelled, first.Results()[0].FinishReason);
        Assert.Equal(2, first.Results()[0].TokenIds.Length);
        engine.Step();
        Assert.Single(second.Results()[0].TokenIds);
        engine.Run();
        Assert.Equal(FinishReason.Length, second.Results()[0].FinishReason);
    }

    [Fact]
    public void WeightsChanged_KeptPrefixesOfTheOldWeights_AreNotUsed()
    {
        using IKernels kernels = Backend.Reference.Open();
        using Decoder decoder = TinyModel.Create(kernels, seed: 1);
        using Decoder other = TinyModel.Create(kernels, seed: 2);
        using GenerationEngine engine = new(decoder);
        GenerationRequest request = new() { Prompt = Requests.Prompt(new Random(3), 50), Sampling = new() { MaxTokens = 5, IgnoreEos = true } };
        engine.Submit(request);
        engine.Run();
        Generation again = engine.Submit(request);
        engine.Run();
        Assert.Equal(48, engine.Statistics.PrefixHits);
        Generation running = engine.Submit(request with { Sampling = new() { MaxTokens = 20, IgnoreEos = true } });
        engine.Step();
        decoder.CopyFrom(other);
        engine.WeightsChanged();
        long hits = engine.Statistics.PrefixHits;
        Generation changed = engine.Submit(request);
        engine.Run();
        Assert.Equal(FinishReason.Length, running.Results()[0].FinishReason);
        Answers.Same(Requests.Alone(other, request)[0], changed.Results()[0], whole: true, "after the change");
        Assert.NotEqual(again.Results()[0].LogProbs, changed.Results()[0].LogProbs);
    }
}
