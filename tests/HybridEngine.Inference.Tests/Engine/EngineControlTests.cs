using HybridEngine.Core;
using HybridEngine.Models;
using Xunit;

namespace HybridEngine.Inference.Tests;

/// <summary>Pauses, sleep, and weights that change under what runs.</summary>
public sealed class EngineControlTests : IDisposable
{
    private readonly IKernels _kernels = Backend.Reference.Open();
    private readonly Decoder _decoder, _other;

    public EngineControlTests() => (_decoder, _other) = (TinyModel.Create(_kernels, seed: 1), TinyModel.Create(_kernels, seed: 2));

    public void Dispose()
    {
        _decoder.Dispose();
        _other.Dispose();
        _kernels.Dispose();
    }

    private static GenerationRequest Request(int id, int tokens = 12) =>
        new() { Prompt = Requests.Prompt(new Random(id), 20), RequestId = id, Sampling = new() { MaxTokens = tokens, IgnoreEos = true } };

    [Fact]
    public void Pause_Keep_NothingMovesAndAfterwardsTheAnswerIsTheSame()
    {
        using GenerationEngine engine = new(_decoder);
        Generation g = engine.Submit(Request(1));
        for (int i = 0; i < 5; i++) { engine.Step(); }
        engine.Pause();
        Generation later = engine.Submit(Request(2));
        Assert.True(engine.IsPaused);
        Assert.False(engine.Step());
        engine.Run();
        Assert.Equal(5, g.Results()[0].TokenIds.Length);
        Assert.Empty(later.Results()[0].TokenIds);
        engine.Resume();
        engine.Run();
        Assert.Equal(0, engine.Statistics.Preemptions);
        Answers.Same(Requests.Alone(_decoder, Request(1))[0], g.Results()[0], whole: true, "kept");
        Answers.Same(Requests.Alone(_decoder, Request(2))[0], later.Results()[0], whole: true, "came during the pause");
    }

    [Fact]
    public void Pause_Drain_WhatHasStartedEndsAndNothingElseStarts()
    {
        using GenerationEngine engine = new(_decoder, new EngineOptions { MaxSequences = 3, CacheBlocks = 8, MaxContext = 64 });
        Generation[] first = [engine.Submit(Request(1, 40)), engine.Submit(Request(2, 40)), engine.Submit(Request(3, 40) with { Priority = 1 })];
        engine.Step();
        Assert.All(first, g => Assert.Single(g.Results()[0].TokenIds));
        Generation waiting = engine.Submit(Request(4) with { Priority = -1 });
        engine.Pause(PauseMode.Drain);
        Assert.False(engine.IsPaused);
        engine.Run();
        Assert.True(engine.IsPaused);
        Assert.True(engine.Statistics.Preemptions > 0, "the cache was meant to be too small for three at once");
        Assert.All(first, g => Assert.True(g.IsFinished));
        Assert.Empty(waiting.Results()[0].TokenIds);
        Assert.True(engine.HasWork);
        engine.Resume();
        engine.Run();
        Assert.True(waiting.IsFinished);
    }

    [Fact]
    public void Pause_Abort_EverythingIsCancelledAndEveryBlockIsFree()
    {
        using GenerationEngine engine = new(_decoder, new EngineOptions { MaxSequences = 2 });
        Generation[] all = [.. Enumerable.Range(0, 4).Select(i => engine.Submit(Request(i) with { Choices = 2 }))];
        engine.Step();
        engine.Step();
        engine.Pause(PauseMode.Abort);
        Assert.All(all, g => Assert.All(g.Results(), r => Assert.Equal(FinishReason.Cancelled, r.FinishReason)));
        Assert.Equal((0, 0, 0), (engine.Load.Running, engine.Load.Waiting, engine.Load.UsedBlocks));
        Generation next = engine.Submit(Request(9));
        Assert.False(engine.Step());
        engine.Resume();
        engine.Run();
        Assert.Equal(12, next.Results()[0].TokenIds.Length);
    }

    [Fact]
    public void ReplaceWeights_WhileSomethingRuns_EveryTokenIsDrawnFromTheWeightsOfItsVersion()
    {
        using GenerationEngine engine = new(_decoder);
        GenerationRequest request = Request(5, 20);
        Generation g = engine.Submit(request);
        for (int i = 0; i < 8; i++) { engine.Step(); }
        engine.ReplaceWeights(_other, version: 7);
        Assert.Equal(7, engine.WeightVersion);
        engine.Run();
        GenerationResult r = g.Results()[0];
        Assert.Equal([.. Enumerable.Repeat(0L, 8), .. Enumerable.Repeat(7L, 12)], r.WeightVersions);
        Assert.Equal(7, r.WeightVersion);

        // The rest is what the new weights continue the first eight tokens with: the positions, and so the draws, are the same.
        GenerationRequest rest = request with { Prompt = [.. request.Prompt, .. r.TokenIds[..8]], Sampling = request.Sampling with { MaxTokens = 12 } };
        GenerationResult expected = Requests.Alone(_other, rest)[0];
        Assert.Equal(expected.TokenIds, r.TokenIds[8..]);
        Assert.Equal(expected.LogProbs, r.LogProbs[8..]);
    }

    [Fact]
    public void ReplaceWeights_OldOrEqualVersion_IsRefusedAndNothingChanges()
    {
        using GenerationEngine engine = new(_decoder);
        engine.ReplaceWeights(_other, version: 3);
        Assert.Equal("weight_version", Assert.Throws<InvalidInputException>(() => engine.ReplaceWeights(_other, version: 3)).Input);
        Assert.Equal(3, engine.WeightVersion);
        engine.ReplaceWeights(_other);
        Assert.Equal(4, engine.WeightVersion);
    }

    [Fact]
    public void Step_DecoderWasWrittenBehindTheEnginesBack_NoOldPrefixIsUsed()
    {
        using GenerationEngine engine = new(_decoder);
        GenerationRequest request = Request(6) with { Prompt = Requests.Prompt(new Random(6), 50) };
        engine.Submit(request);
        engine.Run();
        _decoder.CopyFrom(_other);
        Generation after = engine.Submit(request);
        engine.Run();
        Answers.Same(Requests.Alone(_other, request)[0], after.Results()[0], whole: true, "after the change");
        Assert.Equal(1, after.Results()[0].WeightVersion);
    }

    [Theory]
    [InlineData(SleepLevel.Cache)]
    [InlineData(SleepLevel.Weights)]
    public void Sleep_WhileSomethingRuns_MemoryIsGoneAndTheAnswerIsTheSame(SleepLevel level)
    {
        using Decoder same = _decoder.Clone();
        using GenerationEngine engine = new(_decoder);
        Generation g = engine.Submit(Request(7));
        for (int i = 0; i < 4; i++) { engine.Step(); }
        engine.Sleep(level);
        Assert.True(engine.IsAsleep);
        Assert.Equal(0, engine.CacheBytes);
        Assert.False(engine.Step());
        Assert.Equal(level == SleepLevel.Cache, _decoder.HasWeights);
        if (level == SleepLevel.Cache) { engine.Wake(); }
        else
        {
            Assert.Throws<InvalidOperationException>(engine.Wake);
            Assert.Throws<InvalidOperationException>(() => engine.ReplaceWeights(same));
            engine.Wake(same);
        }

        engine.Run();
        Answers.Same(Requests.Alone(same, Request(7))[0], g.Results()[0], whole: true, $"{level}");
    }

    [Fact]
    public void Sleep_Weights_GivesTheirBytesBack()
    {
        using GenerationEngine engine = new(_decoder);
        engine.Sleep(SleepLevel.Weights);
        Assert.All(_decoder.Parameters, p => Assert.True(p.Value.Memory is null));
        engine.Sleep(SleepLevel.Cache);     // a lighter sleep on top changes nothing
        Assert.Throws<InvalidOperationException>(engine.Wake);
        engine.Wake(_other);
        Assert.All(_decoder.Parameters.Zip(_other.Parameters), p => Assert.Equal(p.Second.ToArray(), p.First.ToArray()));
    }

    [Fact]
    public void Control_FromACallbackOfAStep_IsRefusedAndTheAnswerGoesOn()
    {
        using GenerationEngine engine = new(_decoder);
        List<string> refused = [];
        void expectRefusal(Action act) => refused.Add(Assert.Throws<InvalidOperationException>(act).Message);
        Generation g = engine.Submit(Request(8) with
        {
            OnToken = t =>
            {
                if (refused.Count > 0) { return; }
                expectRefusal(() => engine.Step());
                expectRefusal(() => engine.Sleep());
                expectRefusal(() => engine.ReplaceWeights(_other));
                expectRefusal(engine.ReleaseMemory);
            },
        });
        engine.Run();
        Assert.Equal(4, refused.Count);
        Answers.Same(Requests.Alone(_decoder, Request(8))[0], g.Results()[0], whole: true, "after refusals");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Step_CallbackThrows_TheErrorSurfacesAndNoAnswerIsLost(bool speculate)
    {
        using GenerationEngine engine = new(_decoder, draft: speculate ? _decoder : null);
        int calls = 0;
        GenerationRequest[] requests = [.. Enumerable.Range(0, 5).Select(i => Request(i, 15))];
        requests[2] = requests[2] with { OnToken = _ => { if (++calls == 6) { throw new TimeoutException(); } } };
        Generation[] all = [.. requests.Select(engine.Submit)];
        Assert.Throws<TimeoutException>(engine.Run);
        engine.Run();
        for (int i = 0; i < 5; i++) { Answers.Same(Requests.Alone(_decoder, requests[i] with { OnToken = null })[0], all[i].Results()[0], whole: true, $"request {i}"); }
        Assert.Equal(0, engine.Load.UsedBlocks);
    }
}
