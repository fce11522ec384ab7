using HybridEngine.Core;
using HybridEngine.Models;
using Xunit;

namespace HybridEngine.Inference.Tests;

/// <summary>What the options of a request do to its completions.</summary>
public sealed class SamplingTests : IDisposable
{
    private readonly IKernels _kernels = Backend.Reference.Open();
    private readonly Decoder _model;
    private readonly int[] _prompt = [5, 6, 7, 8];

    public SamplingTests() => _model = TinyModel.Create(_kernels);

    [Fact]
    public void MinTokens_EndsThatComeEarly_AreHeldBack()
    {
        Dictionary<int, float> pull = new() { [2] = 200, [9] = 100 };
        GenerationResult at = Run(new SamplingOptions { Temperature = 0, LogitBias = pull, MinTokens = 5, StopTokenIds = [9] });
        Assert.Equal(FinishReason.Stop, at.FinishReason);
        Assert.Equal(6, at.TokenIds.Length);
        Assert.DoesNotContain(at.TokenIds[..5], id => id is 2 or 9);
        Assert.Equal([2], Run(new SamplingOptions { Temperature = 0, LogitBias = pull }).TokenIds);
    }

    [Fact]
    public void BiasAndBans_Tokens_AppearOrDoNot()
    {
        GenerationResult r = Run(new SamplingOptions { Temperature = 0, LogitBias = new Dictionary<int, float> { [20] = 200, [21] = 100 }, BadWordIds = [[20, 20]], SuppressTokens = [22], BeginSuppressTokens = [20], MaxTokens = 6 });
        Assert.Equal([21, 20, 21, 20, 21, 20], r.TokenIds);
        Assert.Equal([30, 31], Run(new SamplingOptions { ForcedStart = [30, 31], MaxTokens = 4 }).TokenIds[..2]);
        GenerationResult end = Run(new SamplingOptions { Temperature = 0, ForcedEnd = [2], MaxTokens = 3, SuppressTokens = [2] });
        Assert.Equal((3, 2, FinishReason.Stop), (end.TokenIds.Length, end.TokenIds[^1], end.FinishReason));
        Assert.Equal([6, 40], Run(new SamplingOptions { SequenceBiases = [new SequenceBias([8, 6], 500), new SequenceBias([7, 8, 6, 40], 500)], MaxTokens = 2 }).TokenIds);
    }

    [Fact]
    public void NoRepeatNgram_LongCompletion_RepeatsNone()
    {
        int[] ids = [.. _prompt, .. Run(new SamplingOptions { NoRepeatNgram = 2, MaxTokens = 100, IgnoreEos = true, TopK = 4 }).TokenIds];
        (int, int)[] pairs = [.. ids.Zip(ids.Skip(1))];
        Assert.Equal(pairs.Length, pairs.Distinct().Count());
    }

    [Fact]
    public void Frequency_StrongPenalty_SpreadsTokens()
    {
        int[] ids = Run(new SamplingOptions { Temperature = 0, FrequencyPenalty = 1000, MaxTokens = 60, IgnoreEos = true }).TokenIds;
        Assert.Equal(60, ids.Distinct().Count());
    }

    [Fact]
    public void EverythingBanned_Completion_EndsWithoutAToken()
    {
        GenerationResult r = Run(new SamplingOptions { SuppressTokens = [.. Enumerable.Range(0, TinyModel.Vocabulary)] });
        Assert.Equal(FinishReason.NoToken, r.FinishReason);
        Assert.Empty(r.TokenIds);
    }

    [Fact]
    public void LogProbs_WithFilters_AreRawAndAsDrawnFrom()
    {
        SamplingOptions options = new() { Temperature = 0.8f, TopK = 5, RepetitionPenalty = 1.3f, MaxTokens = 20, IgnoreEos = true, Seed = 11, TopLogProbs = 3 };
        GenerationResult r = Run(options);
        using Scorer scorer = new(_model);
        float[] trained = scorer.Score([[.. _prompt, .. r.TokenIds]], new ScoringOptions { Temperature = 0.8f })[0].LogProbs;
        Assert.Equal(trained[(_prompt.Length - 1)..], r.LogProbs);
        for (int i = 0; i < r.LogProbs.Length; i++) { Assert.True(r.SampledLogProbs[i] is <= 0 and > -20 && r.SampledLogProbs[i] != r.LogProbs[i]); }
        Assert.All(r.TopLogProbs, t => Assert.True(t.Length == 3 && t[0].LogProb >= t[1].LogProb && t[1].LogProb >= t[2].LogProb));
    }

    [Fact]
    public void BestOf_Candidates_GivesTheMostLikelyOnes()
    {
        using GenerationEngine engine = new(_model);
        GenerationRequest request = new() { Prompt = _prompt, Choices = 6, Sampling = new SamplingOptions { MaxTokens = 8, Seed = 3 } };
        Generation all = engine.Submit(request), best = engine.Submit(request with { Choices = 2, BestOf = 6 });
        engine.Run();
        GenerationResult[] expected = [.. all.Results().OrderByDescending(r => r.LogProbs.Average()).Take(2)];
        Assert.Equal(expected.Select(r => r.TokenIds), best.Results().Select(r => r.TokenIds));
        Assert.Equal([0, 1], best.Results().Select(r => r.Choice));
        Assert.Throws<InvalidInputException>(() => engine.Submit(request with { BestOf = 5 }));
    }

    public void Dispose()
    {
        _model.Dispose();
        _kernels.Dispose();
    }

    private GenerationResult Run(SamplingOptions options)
    {
        using GenerationEngine engine = new(_model);
        Generation g = engine.Submit(new GenerationRequest { Prompt = _prompt, Sampling = options });
        engine.Run();
        return g.Results()[0];
    }
}
