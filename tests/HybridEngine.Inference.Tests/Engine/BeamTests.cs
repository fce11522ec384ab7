using HybridEngine.Core;
using HybridEngine.Models;
using Xunit;

namespace HybridEngine.Inference.Tests;

/// <summary>Beam searches as requests among others.</summary>
public sealed class BeamTests : IDisposable
{
    private readonly Random _random;
    private readonly int _seed = Environment.TickCount;
    private readonly IKernels _kernels = Backend.Reference.Open();
    private readonly Decoder _model;

    public BeamTests()
    {
        _random = new Random(_seed);
        _model = TinyModel.Create(_kernels);
    }

    [Theory, InlineData(0, 256), InlineData(14, 4)]
    public void Run_SearchesAmongOthers_FindWhatTheyFindAlone(int blocks, int sequences)
    {
        GenerationRequest[] requests = [.. Enumerable.Range(0, 12).Select(i => i % 3 == 2 ? Requests.Any(_random, i, 30, 20) : Search(i))];
        using GenerationEngine engine = new(_model, new EngineOptions { CacheBlocks = blocks, MaxSequences = sequences });
        Generation[] together = [.. requests.Select(engine.Submit)];
        engine.Run();
        Assert.Equal((0, 0, 0), (engine.Load.UsedBlocks, engine.Load.Running, engine.Load.Waiting));
        for (int i = 0; i < requests.Length; i++)
        {
            using GenerationEngine alone = new(_model, new EngineOptions { PrefixCache = false });
            Generation one = alone.Submit(requests[i]);
            alone.Run();
            GenerationResult[] expected = one.Results(), actual = together[i].Results();
            Assert.Equal(expected.Select(r => r.TokenIds), actual.Select(r => r.TokenIds));
            Assert.Equal(expected.Select(r => r.LogProbs), actual.Select(r => r.LogProbs));
            Assert.Equal(expected.Select(r => r.Score), actual.Select(r => r.Score));
        }
    }

    [Fact]
    public void Run_TwoTokens_FindsTheBestPairOfAll()
    {
        int[] prompt = Requests.Prompt(_random, 5);
        using GenerationEngine engine = new(_model);
        Generation g = engine.Submit(new GenerationRequest { Prompt = prompt, Choices = 3, Sampling = new() { MaxTokens = 2, IgnoreEos = true }, Beams = new BeamOptions { Beams = TinyModel.Vocabulary } });
        engine.Run();
        using Scorer scorer = new(_model);
        IEnumerable<int[]> pairs = Enumerable.Range(0, TinyModel.Vocabulary).SelectMany(a => Enumerable.Range(0, TinyModel.Vocabulary).Select(b => new[] { a, b }));
        SequenceScores[] first = scorer.Score([.. Enumerable.Range(0, TinyModel.Vocabulary).Select(a => (int[])[.. prompt, a])], new ScoringOptions { Top = TinyModel.Vocabulary });
        double Sum(int[] pair) => first[pair[0]].LogProbs[^1] + (double)first[pair[0]].Top[^1].First(t => t.Id == pair[1]).LogProb;
        double[] best = [.. pairs.Select(Sum).OrderDescending().Take(3)];
        for (int i = 0; i < 3; i++) { Assert.Equal(best[i] / 2, g.Results()[i].Score!.Value, 1e-5); }
    }

    [Fact]
    public void Cancel_RunningSearch_FreesItsBlocks()
    {
        using GenerationEngine engine = new(_model);
        Generation g = engine.Submit(Search(1) with { Sampling = new SamplingOptions { MaxTokens = 30, IgnoreEos = true } });
        for (int i = 0; i < 5; i++) { engine.Step(); }
        Assert.False(g.IsFinished);
        engine.Cancel(g);
        Assert.True(g.IsFinished);
        Assert.False(engine.HasWork);
        Assert.Equal(0, engine.Load.UsedBlocks);
        Assert.All(g.Results(), r => Assert.Equal(FinishReason.Cancelled, r.FinishReason));
    }

    [Fact]
    public void Submit_WhatASearchCannotDo_IsRefusedByName()
    {
        using GenerationEngine engine = new(_model, new EngineOptions { CacheBlocks = 4 });
        GenerationRequest search = new() { Prompt = [1, 2], Sampling = new SamplingOptions { MaxTokens = 5 }, Beams = new BeamOptions { Beams = 3 } };
        Assert.Contains("temperature", Assert.Throws<UnsupportedException>(() => engine.Submit(search with { Sampling = new SamplingOptions { Temperature = 0.5f } })).Message, StringComparison.Ordinal);
        Assert.Contains("num_beams", Assert.Throws<InvalidInputException>(() => engine.Submit(search with { Beams = new BeamOptions { Beams = 1 } })).Message, StringComparison.Ordinal);
        Assert.Contains("n", Assert.Throws<InvalidInputException>(() => engine.Submit(search with { Choices = 4 })).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidInputException>(() => engine.Submit(search with { Sampling = new SamplingOptions { MaxTokens = 40 } }));
    }

    public void Dispose()
    {
        _model.Dispose();
        _kernels.Dispose();
    }

    private GenerationRequest Search(long id)
    {
        int beams = _random.Next(2, 5);
        return new GenerationRequest
        {
            Prompt = Requests.Prompt(_random, _random.Next(1, 30)), RequestId = id, Choices = _random.Next(1, beams + 1),
            Sampling = new SamplingOptions { MaxTokens = _random.Next(1, 20), NoRepeatNgram = _random.Next(3), IgnoreEos = _random.Next(2) == 0, RepetitionPenalty = _random.Next(3) == 0 ? 1.2f : 1 },
            Beams = new BeamOptions { Beams = beams, LengthPenalty = _random.Next(3) - 0.5f, EarlyStopping = (EarlyStopping)_random.Next(3), Renormalize = _random.Next(2) == 0 },
        };
    }
}
