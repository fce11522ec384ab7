using HybridEngine.Core;
using HybridEngine.Models;
using Xunit;

namespace HybridEngine.Inference.Tests;

public sealed class GenerationEngineTests : IDisposable
{
    private readonly IKernels _kernels = Backend.Reference.Open();
    private readonly Decoder _decoder;

    public GenerationEngineTests() => _decoder = TinyModel.Create(_kernels, seed: 11);

    public void Dispose()
    {
        _decoder.Dispose();
        _kernels.Dispose();
    }

    [Fact]
    public void Submit_WhatCannotBeDone_SaysWhichArgument()
    {
        using GenerationEngine engine = new(_decoder, new EngineOptions { CacheBlocks = 4, MaxContext = 100 });
        void refused(string name, GenerationRequest request) => Assert.Equal(name, Assert.Throws<InvalidInputException>(() => engine.Submit(request)).Input);
        refused("prompt", new() { Prompt = [] });
        refused("prompt", new() { Prompt = [3, TinyModel.Vocabulary] });
        refused("prompt", new() { Prompt = [-1] });
        refused("prompt", new() { Prompt = new int[90], Sampling = new() { MaxTokens = 11 } });     // the context
        refused("prompt", new() { Prompt = new int[60], Sampling = new() { MaxTokens = 5 } });      // the cache: 64 positions
        refused("n", new() { Prompt = [3], Choices = 0 });
        refused("temperature", new() { Prompt = [3], Sampling = new() { Temperature = -1 } });
        Assert.Throws<UnsupportedException>(() => engine.Submit(new() { Prompt = [3], Sampling = new() { MaxTokens = 5, StopTexts = ["x"] } }));
        Assert.False(engine.HasWork);
    }

    [Theory]
    [InlineData(0, 1, 16, 16)]
    [InlineData(8, 7, 16, 16)]
    [InlineData(8, 8, 15, 16)]
    [InlineData(8, 8, 24, 0)]
    public void Options_OutOfRange_Throw(int sequences, int tokens, int block, int context) =>
        Assert.Throws<InvalidInputException>(() => new GenerationEngine(_decoder, new EngineOptions { MaxSequences = sequences, MaxBatchTokens = tokens, BlockSize = block, MaxContext = context }));

    [Fact]
    public void Run_SameSeed_SameDraws_OtherSeedOrRequest_Others()
    {
        string draw(long seed, long request)
        {
            using GenerationEngine engine = new(_decoder);
            Generation g = engine.Submit(new GenerationRequest { Prompt = [5, 6, 7], RequestId = request, Sampling = new() { Seed = seed, MaxTokens = 30, IgnoreEos = true } });
            engine.Run();
            return string.Join(',', g.Results()[0].TokenIds);
        }

        Assert.Equal(draw(1, 0), draw(1, 0));
        Assert.NotEqual(draw(1, 0), draw(2, 0));
        Assert.NotEqual(draw(1, 0), draw(1, 1));
    }

    [Fact]
    public void Run_StopIds_EndWithThatIdIncluded()
    {
        GenerationRequest request = new() { Prompt = [5, 6, 7], Sampling = new() { MaxTokens = 30, IgnoreEos = true } };
        int[] free = Requests.Alone(_decoder, request)[0].TokenIds;
        int stop = free[9];
        GenerationResult stopped = Requests.Alone(_decoder, request with { Sampling = request.Sampling with { StopTokenIds = [stop] } })[0];
        Assert.Equal(free[..(Array.IndexOf(free, stop) + 1)], stopped.TokenIds);
        Assert.Equal(FinishReason.Stop, stopped.FinishReason);
    }

    [Fact]
    public void Run_EndTokenOfTheModel_EndsUnlessIgnored()
    {
        using Decoder eager = Eager(out int end);
        GenerationRequest request = new() { Prompt = [5], Sampling = SamplingOptions.Greedy with { MaxTokens = 8 } };
        GenerationResult stopped = Requests.Alone(eager, request)[0];
        Assert.Equal((end, FinishReason.Stop), (stopped.TokenIds[^1], stopped.FinishReason));
        GenerationResult ignored = Requests.Alone(eager, request with { Sampling = request.Sampling with { IgnoreEos = true } })[0];
        Assert.Equal((8, FinishReason.Length), (ignored.TokenIds.Length, ignored.FinishReason));
        Assert.Equal(stopped.TokenIds, ignored.TokenIds[..stopped.TokenIds.Length]);
    }

    [Fact]
    public void OnToken_EveryToken_InOrderWithTheReasonAtTheEnd()
    {
        List<GeneratedToken> seen = [];
        using GenerationEngine engine = new(_decoder);
        Generation g = engine.Submit(new GenerationRequest { Prompt = [5, 6], Choices = 2, OnToken = seen.Add, Sampling = new() { MaxTokens = 7, IgnoreEos = true } });
        engine.Run();
        foreach (GenerationResult r in g.Results())
        {
            GeneratedToken[] mine = [.. seen.Where(t => t.Choice == r.Choice)];
            Assert.Equal(r.TokenIds, mine.Select(t => t.Id));
            Assert.Equal(r.LogProbs, mine.Select(t => t.LogProb));
            Assert.Equal([.. Enumerable.Repeat(FinishReason.None, 6), FinishReason.Length], mine.Select(t => t.FinishReason));
        }
    }

    [Fact]
    public void OnToken_CancelsItsOwnRequest_NoFurtherTokens()
    {
        using GenerationEngine engine = new(_decoder);
        Generation? g = null;
        int calls = 0;
        g = engine.Submit(new GenerationRequest
        {
            Prompt = [5, 6],
            Choices = 3,
            Sampling = new() { MaxTokens = 20, IgnoreEos = true },
            OnToken = _ =>
            {
                if (++calls == 5) { engine.Cancel(g!); }
            },
        });
        engine.Run();
        Assert.Equal(5, calls);
        Assert.Equal(5, g.Results().Sum(r => r.TokenIds.Length));
        Assert.All(g.Results(), r => Assert.Equal(FinishReason.Cancelled, r.FinishReason));
    }

    [Fact]
    public void LogProbs_Greedy_AreTheBestOfTheTop()
    {
        GenerationRequest request = new() { Prompt = [5, 6, 7], Sampling = SamplingOptions.Greedy with { MaxTokens = 12, TopLogProbs = 3, IgnoreEos = true } };
        GenerationResult r = Requests.Alone(_decoder, request)[0];
        for (int i = 0; i < 12; i++)
        {
            Assert.Equal(new TokenLogProb(r.TokenIds[i], r.LogProbs[i]), r.TopLogProbs[i][0]);
            Assert.True(r.TopLogProbs[i][0].LogProb >= r.TopLogProbs[i][1].LogProb);
            Assert.Equal(0f, r.SampledLogProbs[i]);
        }
    }

    [SkippableFact]
    public void Step_AfterWarmUp_AllocatesNextToNothing()
    {
        using IKernels native = Backend.Native1.Open();     // Reference allocates as it likes
        using Decoder decoder = TinyModel.Create(native);
        using GenerationEngine engine = new(decoder, new EngineOptions { MaxContext = 200 });
        for (int i = 0; i < 8; i++)
        {
            engine.Submit(new GenerationRequest { Prompt = [5, 6, i + 3], RequestId = i, Sampling = new() { MaxTokens = 190, IgnoreEos = true } });
        }

        for (int i = 0; i < 70; i++) { engine.Step(); }
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++) { engine.Step(); }
        long perToken = (GC.GetAllocatedBytesForCurrentThread() - before) / (100 * 8);
        Assert.InRange(perToken, 0, 2048);
    }

    [Fact]
    public void ReleaseMemory_EveryTime_GivesEverythingBack()
    {
        using GenerationEngine engine = new(_decoder);
        for (int i = 0; i < 5; i++)
        {
            engine.Submit(new GenerationRequest { Prompt = [5, 6, 7], Sampling = new() { MaxTokens = 10 } });
            engine.Run();
            Assert.True(engine.CacheBytes > 0);
            engine.ReleaseMemory();
            Assert.Equal(0, engine.CacheBytes);
        }
    }

    // A decoder of the same weights for which the third greedy token is an end token.
    private Decoder Eager(out int end)
    {
        GenerationRequest request = new() { Prompt = [5], Sampling = SamplingOptions.Greedy with { MaxTokens = 3, IgnoreEos = true } };
        end = Requests.Alone(_decoder, request)[0].TokenIds[2];
        return Decoder.Load(_kernels, _decoder.Config with { EosTokenIds = [end] }, _decoder.Bindings, _decoder);
    }
}
