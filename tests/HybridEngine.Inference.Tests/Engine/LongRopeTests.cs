using HybridEngine.Core;
using HybridEngine.Models;
using Xunit;

namespace HybridEngine.Inference.Tests;

/// <summary>LongRoPE: a sequence that outgrows the original context turns to other frequencies at all its positions, as transformers does it.</summary>
public sealed class LongRopeTests
{
    private const int Original = 40;

    // What the whole sequence so far says, computed anew for every token, is what the engine must draw.
    [SkippableTheory]
    [InlineData(Backend.Reference, 0)]
    [InlineData(Backend.Native2, 0)]
    [InlineData(Backend.Native2, 4)]
    public void Generate_AcrossTheOriginalContext_EachTokenFromTheWholeSequenceAnew(Backend backend, int guesses)
    {
        using IKernels kernels = backend.Open();
        DecoderConfig config = TinyModel.Config() with { Rotary = Spec() };
        using Decoder decoder = TinyModel.Create(kernels, config, seed: 3);
        EngineOptions options = new() { CacheBlocks = 30, MaxContext = 120, MaxSequences = 4, MaxBatchTokens = 21 };
        if (guesses > 0) { options = options with { Speculation = new SpeculationOptions { MaxDraft = guesses, MinMatch = 1 } }; }
        using GenerationEngine engine = new(decoder, options);
        Random random = new(4);
        int[][] prompts = [Requests.Prompt(random, 25), Requests.Prompt(random, 38), Requests.Prompt(random, 40), Requests.Prompt(random, 41), Requests.Prompt(random, 60)];
        int tokens = backend == Backend.Reference ? 5 : 24;
        if (backend == Backend.Reference) { prompts = prompts[1..4]; }
        // Twice: the second time, prefixes are there, of short and of long sequences, and must not be mistaken for each other.
        int[][] expected = [.. prompts.Select(p => Alone(decoder, p, tokens))];
        for (int round = 0; round < 2; round++)
        {
            Generation[] runs = [.. prompts.Select((p, i) => engine.Submit(new GenerationRequest { Prompt = p, RequestId = i, Sampling = new SamplingOptions { Temperature = 0, MaxTokens = tokens, IgnoreEos = true } }))];
            engine.Run();
            Assert.Equal(expected, runs.Select(r => r.Results()[0].TokenIds));
        }
    }

    [Fact]
    public void Score_ShortAndLongSequencesPacked_SameBitsAsAlone()
    {
        using IKernels kernels = Backend.Reference.Open();
        using Decoder decoder = TinyModel.Create(kernels, TinyModel.Config() with { Rotary = Spec() }, seed: 5);
        using Scorer scorer = new(decoder);
        Random random = new(6);
        int[] shorter = Requests.Prompt(random, Original), longer = Requests.Prompt(random, Original + 1);
        SequenceScores[] together = scorer.Score([shorter, longer]);
        Assert.Equal(scorer.Score([shorter])[0].LogProbs, together[0].LogProbs);
        Assert.Equal(scorer.Score([longer])[0].LogProbs, together[1].LogProbs);
        // One token more changes what all of them say: they stand elsewhere.
        Assert.NotEqual(scorer.Score([longer[..Original]])[0].LogProbs, together[1].LogProbs[..(Original - 1)]);
    }

    private static RotarySpec Spec() => new(12, [.. Frequencies().Select(f => f / 1.1)], 1.19, LongFrom: Original, LongInverseFrequencies: [.. Frequencies().Select((f, i) => f / (2 + i))]);

    private static IEnumerable<double> Frequencies() => Enumerable.Range(0, 6).Select(i => Math.Pow(10000, -i / 6.0));

    // The greedy completion, the whole sequence computed anew for every token.
    private static int[] Alone(Decoder decoder, int[] prompt, int tokens)
    {
        using Scorer scorer = new(decoder);
        List<int> ids = [.. prompt];
        for (int t = 0; t < tokens; t++) { ids.Add(scorer.Score([[.. ids]], new ScoringOptions { Top = 1 })[0].Top[^1][0].Id); }
        return [.. ids.Skip(prompt.Length)];
    }
}
