using HybridEngine.Core;
using HybridEngine.Models;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Inference.Tests;

/// <summary>The promise of the engine in one run: 500 requests of any kind, at random times, some cancelled, in a cache of a tenth of what they need.</summary>
public sealed class ProveTests
{
    private const int Count = 500;

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void Run_500RequestsInATenthOfTheirCache_EveryAnswerIsItsOwnAndNothingIsLeft(bool speculate)
    {
        int seed = Random.Shared.Next();
        Random random = new(seed);
        using IKernels kernels = Backend.Native2.Open();
        using Decoder decoder = TinyModel.Create(kernels, (ulong)seed), draft = TinyModel.Create(kernels, TinyModel.Config(layers: 1), (ulong)seed);
        using AdapterSet adapters = new(decoder);
        LoraAdapter?[] of = [null, null, .. Enumerable.Range(0, 3).Select(i => adapters.Add($"adapter {i}", RandomAdapter.Create(decoder, new TestRandom(seed + i), tableAndHead: i == 1)))];
        TokenConstraint[] constraints = Constraints(random);
        GenerationRequest[] requests = [.. Enumerable.Range(0, Count).Select(i => Any(random, i) with { Adapter = of[random.Next(of.Length)] })];
        for (int i = 0; i < Count; i += random.Next(1, 8)) { requests[i] = requests[i] with { Sampling = requests[i].Sampling with { Constraint = constraints[random.Next(constraints.Length)] } }; }
        long needed = requests.Sum(r => (long)r.Choices * ((r.Prompt.Length + r.Sampling.MaxTokens + 15) / 16));
        EngineOptions options = new() { CacheBlocks = (int)(needed / 10), MaxBatchTokens = 300, MaxPromptTokens = 120, Speculation = speculate ? new SpeculationOptions { MaxSequences = 100 } : null };
        using GenerationEngine engine = new(decoder, options, draft: speculate ? draft : null);
        List<Generation> submitted = [];
        HashSet<Generation> cancelled = [];
        long early = 0;
        while (submitted.Count < Count || engine.HasWork)
        {
            for (int arrivals = random.Next(8); arrivals > 0 && submitted.Count < Count; arrivals--) { submitted.Add(engine.Submit(requests[submitted.Count])); }
            if (submitted.Count > 0 && random.Next(6) == 0)
            {
                Generation victim = submitted[random.Next(submitted.Count)];
                if (!victim.IsFinished) { cancelled.Add(victim); }
                int used = engine.Load.UsedBlocks;
                engine.Cancel(victim);
                Assert.True(engine.Load.UsedBlocks <= used);
            }

            engine.Step();
            if (submitted.Count <= Count / 2) { early = Math.Max(early, engine.WorkspaceBytes); }
        }

        string where = $"seed {seed}";
        Assert.Equal((0, 0, 0), (engine.Load.Running, engine.Load.Waiting, engine.Load.UsedBlocks));
        Assert.Equal(options.CacheBlocks, engine.Load.Blocks);
        Assert.True(engine.WorkspaceBytes < 2 * early, $"{where}: workspaces of {early} bytes half-way have become {engine.WorkspaceBytes}");
        Assert.True(engine.Statistics.Preemptions > 0, $"{where}: the cache was not too small for anybody");
        Assert.True(engine.Statistics.PrefixHits > 0, $"{where}: no prefix was shared");
        Assert.Equal(speculate, engine.Statistics.AcceptedDrafts > 0);
        Assert.InRange(cancelled.Count, 1, Count / 2);
        using GenerationEngine alone = new(decoder, new EngineOptions { PrefixCache = false });
        for (int i = 0; i < Count; i++)
        {
            GenerationResult[] expected = Requests.Alone(alone, requests[i]), actual = submitted[i].Results();
            for (int c = 0; c < expected.Length; c++)
            {
                bool whole = actual[c].FinishReason != FinishReason.Cancelled;
                Assert.True(whole || cancelled.Contains(submitted[i]), $"{where}, request {i}: cancelled by nobody");
                Answers.Same(expected[c], actual[c], whole, $"{where}, request {i}, choice {c}");
            }
        }
    }

    private static GenerationRequest Any(Random random, int id) =>
        Requests.Any(random, id, maxPrompt: random.Next(8) == 0 ? 180 : 50, maxTokens: 60) with { Client = $"client {random.Next(4)}", Priority = random.Next(3) };

    // Tokens of one and of two characters, so that texts can be cut in several ways.
    private static TokenConstraint[] Constraints(Random random)
    {
        byte[][] tokens = new byte[TinyModel.Vocabulary][];
        for (int id = 0; id < tokens.Length; id++)
        {
            tokens[id] = id < 3 ? [] : id < 98 ? [(byte)(' ' + id - 3)] : [(byte)random.Next('a', 'z' + 1), (byte)random.Next('a', 'z' + 1)];
        }

        ConstraintVocabulary vocabulary = ConstraintVocabulary.FromBytes(tokens, [2]);
        return [.. ((string[])["[a-z ]{3,20}[.!]", "(yes|no|perhaps)", @"-?[0-9]{1,8}(\.[0-9]+)?"]).Select(r => TextConstraint.Regex(r).Compile(vocabulary))];
    }
}
