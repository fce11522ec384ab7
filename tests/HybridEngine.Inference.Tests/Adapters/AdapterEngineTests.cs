using HybridEngine.Core;
using HybridEngine.Models;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Inference.Tests;

/// <summary>Adapters in the generation engine: per request, in one batch, loaded and unloaded while requests run.</summary>
public sealed class AdapterEngineTests : IDisposable
{
    private readonly IKernels _kernels = Backend.Reference.Open();
    private readonly Decoder _decoder;
    private readonly AdapterSet _adapters;
    private readonly TestRandom _random = new();

    public AdapterEngineTests()
    {
        _decoder = TinyModel.Create(_kernels, 9);
        _adapters = new AdapterSet(_decoder);
    }

    public void Dispose()
    {
        _adapters.Dispose();
        _decoder.Dispose();
        _kernels.Dispose();
    }

    [SkippableTheory, InlineData(Backend.Reference), InlineData(Backend.Native2)]
    public void Run_RequestsOfManyAdapters_EachAsAlone(Backend backend)
    {
        using IKernels kernels = backend.Open();
        using Decoder decoder = TinyModel.Create(kernels, 9);
        using AdapterSet adapters = new(decoder);
        LoraAdapter?[] choices = [null, .. Enumerable.Range(0, 3).Select(i => adapters.Add($"a{i}", RandomAdapter.Create(decoder, _random, tableAndHead: i == 1)))];
        Random random = new(_random.Seed);
        GenerationRequest[] requests = [.. Enumerable.Range(0, 24).Select(i => Requests.Any(random, i, 60, 20) with { Adapter = choices[random.Next(choices.Length)] })];
        // Few blocks, so that some are interrupted; prefixes are kept, so that equal prompts of other adapters could be mixed up.
        using GenerationEngine engine = new(decoder, new EngineOptions { CacheBlocks = 26, MaxSequences = 12, MaxBatchTokens = 40 });
        Generation[] running = [.. requests.Select(engine.Submit)];
        engine.Run();
        for (int i = 0; i < requests.Length; i++)
        {
            GenerationResult[] alone = Requests.Alone(decoder, requests[i]), together = running[i].Results();
            for (int c = 0; c < alone.Length; c++)
            {
                Assert.Equal(alone[c].TokenIds, together[c].TokenIds);
                Compare.SameBits(alone[c].LogProbs, together[c].LogProbs, _random);
                Compare.SameBits(alone[c].SampledLogProbs, together[c].SampledLogProbs, _random);
            }
        }

        Assert.True(engine.Statistics.PrefixHits > 0);
        Assert.All(choices, a => Assert.True(a is null or { Holders: 0 }));
    }

    [SkippableTheory, InlineData(Backend.Reference), InlineData(Backend.Native2)]
    public void Run_PlainSampling_RecordsWhatScoringComputes(Backend backend)
    {
        using IKernels kernels = backend.Open();
        using Decoder decoder = TinyModel.Create(kernels, 9);
        using LoraAdapter adapter = new("a", decoder, RandomAdapter.Create(decoder, _random, tableAndHead: true));
        using GenerationEngine engine = new(decoder);
        int[] prompt = _random.Integers(21, 3, TinyModel.Vocabulary);
        Generation g = engine.Submit(new GenerationRequest { Prompt = prompt, Adapter = adapter, Sampling = new() { MaxTokens = 30, IgnoreEos = true } });
        engine.Run();
        GenerationResult r = g.Results()[0];
        using Scorer scorer = new(decoder);
        Compare.SameBits(scorer.Score([new ScoringInput([.. prompt, .. r.TokenIds], adapter)])[0].LogProbs.AsSpan(prompt.Length - 1), r.LogProbs, _random);
    }

    [Fact]
    public void Run_BeamsWithAndWithoutAdapters_EachAsAlone_AndNobodyHoldsThemAfterwards()
    {
        LoraAdapter adapter = _adapters.Add("a", RandomAdapter.Create(_decoder, _random, tableAndHead: true));
        GenerationRequest request = new() { Prompt = _random.Integers(9, 3, TinyModel.Vocabulary), Beams = new BeamOptions { Beams = 3 }, Sampling = new() { Temperature = 0, MaxTokens = 8 } };
        int[] Answer(LoraAdapter? a)
        {
            using GenerationEngine alone = new(_decoder);
            Generation g = alone.Submit(request with { Adapter = a });
            alone.Run();
            return g.Results()[0].TokenIds;
        }

        using GenerationEngine engine = new(_decoder);
        Generation with = engine.Submit(request with { Adapter = adapter }), without = engine.Submit(request), cancelled = engine.Submit(request with { Adapter = adapter });
        engine.Step();
        engine.Cancel(cancelled);
        engine.Run();
        Assert.Equal(Answer(adapter), with.Results()[0].TokenIds);
        Assert.Equal(Answer(null), without.Results()[0].TokenIds);
        Assert.Equal(0, adapter.Holders);
    }

    [Fact]
    public void PrefixCache_OneAdapter_SharesWithItselfOnly()
    {
        LoraAdapter a = _adapters.Add("a", RandomAdapter.Create(_decoder, _random));
        int[] prompt = _random.Integers(40, 3, TinyModel.Vocabulary);
        using GenerationEngine engine = new(_decoder, new EngineOptions { CacheBlocks = 40 });
        Assert.Equal(0, Hits(null));
        Assert.Equal(0, Hits(a));
        Assert.Equal(32, Hits(a));
        Assert.Equal(32, Hits(null));
        // The same name again is another adapter: nothing of the old one may be used.
        Assert.Equal(0, Hits(_adapters.Add("a", RandomAdapter.Create(_decoder, _random))));

        long Hits(LoraAdapter? adapter)
        {
            long before = engine.Statistics.PrefixHits;
            engine.Submit(new GenerationRequest { Prompt = prompt, Adapter = adapter, Sampling = new() { MaxTokens = 1 } });
            engine.Run();
            return engine.Statistics.PrefixHits - before;
        }
    }

    [Fact]
    public void Replace_WhileARequestRuns_ItEndsWithTheOldOneWhichThenGoes()
    {
        LoraAdapter old = _adapters.Add("a", RandomAdapter.Create(_decoder, _random));
        GenerationRequest request = new() { Prompt = _random.Integers(10, 3, TinyModel.Vocabulary), Adapter = old, Sampling = new() { MaxTokens = 12, IgnoreEos = true } };
        GenerationResult expected = Requests.Alone(_decoder, request)[0];
        using GenerationEngine engine = new(_decoder);
        Generation running = engine.Submit(request with { Choices = 2 }), cancelled = engine.Submit(request);
        for (int i = 0; i < 4; i++) { engine.Step(); }

        LoraAdapter replacement = _adapters.Add("a", RandomAdapter.Create(_decoder, _random));
        Assert.NotEqual(old.Number, replacement.Number);
        Assert.Same(replacement, _adapters["a"]);
        Assert.True(old.IsUnloaded);
        DeviceMemory memory = old.Projections.First().Down.Value.Memory!;
        Generation with = engine.Submit(request with { Adapter = replacement });
        Assert.Throws<InvalidInputException>(() => engine.Submit(request));
        engine.Cancel(cancelled);
        Assert.False(memory.IsDisposed);
        engine.Run();
        Assert.Equal(expected.TokenIds, running.Results()[0].TokenIds);
        Compare.SameBits(expected.LogProbs, running.Results()[0].LogProbs, _random);
        Assert.NotEqual(expected.LogProbs, with.Results()[0].LogProbs);
        Assert.True(memory.IsDisposed);
        Assert.False(replacement.IsUnloaded);
    }

    [Fact]
    public void Submit_AdapterOfAnotherModel_IsRefused()
    {
        using Decoder other = TinyModel.Create(_kernels, 9);
        using GenerationEngine engine = new(other);
        LoraAdapter adapter = _adapters.Add("a", RandomAdapter.Create(_decoder, _random));
        Assert.Contains("another model", Assert.Throws<InvalidInputException>(() => engine.Submit(new GenerationRequest { Prompt = [3], Adapter = adapter })).Message, StringComparison.Ordinal);
        Assert.False(engine.HasWork);
        Assert.Equal(0, adapter.Holders);
    }

    [Fact]
    public void AdapterSet_Names_AreFoundOrNamedInTheError()
    {
        Assert.Contains("no adapter is loaded", Assert.Throws<InvalidInputException>(() => _adapters["x"]).Message, StringComparison.Ordinal);
        LoraAdapter b = _adapters.Add("b", RandomAdapter.Create(_decoder, _random));
        _adapters.Add("a", RandomAdapter.Create(_decoder, _random));
        Assert.Equal(["a", "b"], _adapters.Names);
        Assert.Contains("one of a, b", Assert.Throws<InvalidInputException>(() => _adapters["x"]).Message, StringComparison.Ordinal);
        Assert.Same(b, _adapters.Find("b"));
        Assert.True(_adapters.Unload("b"));
        Assert.False(_adapters.Unload("b"));
        Assert.Null(_adapters.Find("b"));
        Assert.Throws<InvalidInputException>(() => _adapters.Add(" ", RandomAdapter.Create(_decoder, _random)));
    }
}
