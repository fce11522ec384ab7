using HybridEngine.Core;
using HybridEngine.Models;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Inference.Tests;

/// <summary>Rows with adapters: the right numbers, and the same bits in every batch.</summary>
public sealed class AdapterForwardTests
{
    private readonly TestRandom _random = new();

    [SkippableTheory, InlineData(Backend.Reference), InlineData(Backend.Native2)]
    public void Score_WithRandomAdapter_AgreesWithWeightsMergedInDouble(Backend backend)
    {
        using IKernels kernels = backend.Open();
        using Decoder decoder = TinyModel.Create(kernels, (ulong)_random.Integer(1, 1000));
        LoraWeights weights = RandomAdapter.Create(decoder, _random, tableAndHead: true);
        using LoraAdapter adapter = new("a", decoder, weights);
        DecoderConfig untied = decoder.Config with { TiedEmbeddings = false };
        ParameterBinding head = new(ParameterRole.Head, -1, false, "lm_head.weight", TinyModel.Vocabulary, decoder.Config.EmbeddingSize, FusedRows: TinyModel.Vocabulary);
        using Decoder merged = Decoder.Load(kernels, untied, [.. decoder.Bindings, head], new MergedByHand(decoder, weights));
        int[] ids = _random.Integers(40, 3, TinyModel.Vocabulary);
        using Scorer scorer = new(decoder), oracle = new(merged);
        ScoringOptions options = new() { Entropy = true, Embedding = EmbeddingPooling.Mean };
        SequenceScores expected = oracle.Score([ids], options)[0], actual = scorer.Score([new ScoringInput(ids, adapter)], options)[0];
        Compare.Close(expected.LogProbs, actual.LogProbs, 2e-4, 1e-4, _random);
        Compare.Close(expected.Entropies, actual.Entropies, 2e-4, 1e-4, _random);
        Compare.Close(expected.Embedding, actual.Embedding, 1e-4, 1e-4, _random);
        Assert.NotEqual(scorer.Score([ids])[0].LogProbs, actual.LogProbs);
    }

    [SkippableTheory, InlineData(Backend.Reference), InlineData(Backend.Native1), InlineData(Backend.Native2)]
    public void Score_MixedBatch_SameBitsAsAloneAndAsTheModelWithoutAdapters(Backend backend)
    {
        using IKernels kernels = backend.Open();
        using Decoder decoder = TinyModel.Create(kernels);
        using AdapterSet adapters = new(decoder);
        LoraAdapter?[] choices = [null, .. Enumerable.Range(0, 4).Select(i => adapters.Add($"a{i}", RandomAdapter.Create(decoder, _random, tableAndHead: i % 2 == 0)))];
        ScoringInput[] inputs = [.. Enumerable.Range(0, 17).Select(_ => new ScoringInput(_random.Integers(_random.Integer(1, 40), 3, TinyModel.Vocabulary), choices[_random.Integer(0, choices.Length)]))];
        ScoringOptions options = new() { Entropy = true, Top = 3, Embedding = EmbeddingPooling.Mean, Temperature = 0.8f, BatchTokens = 120 };
        using Scorer scorer = new(decoder), plain = new(decoder);
        SequenceScores[] together = scorer.Score(inputs, options);
        for (int i = 0; i < inputs.Length; i++)
        {
            SequenceScores alone = inputs[i].Adapter is null ? plain.Score([inputs[i].Tokens], options)[0] : scorer.Score([inputs[i]], options)[0];
            Compare.SameBits(alone.LogProbs, together[i].LogProbs, _random);
            Compare.SameBits(alone.Entropies, together[i].Entropies, _random);
            Compare.SameBits(alone.Embedding, together[i].Embedding, _random);
            Assert.Equal(alone.Top, together[i].Top);
        }

        Assert.All(choices, a => Assert.True(a is null or { Holders: 0 }));
    }

    [Fact]
    public void Score_AdaptersWithScores_RewardTheirOwnSequences()
    {
        using IKernels kernels = Backend.Reference.Open();
        using Decoder decoder = TinyModel.Create(kernels);
        int width = decoder.Config.EmbeddingSize;
        float[] first = _random.Normal(width), second = _random.Normal(width);
        using LoraAdapter a = new("a", decoder, new LoraWeights(RandomAdapter.Create(decoder, _random).Changes, score: first));
        using LoraAdapter b = new("b", decoder, new LoraWeights(RandomAdapter.Create(decoder, _random).Changes, score: second));
        using Scorer scorer = new(decoder);
        ScoringOptions options = new() { LogProbs = false, Reward = true, Embedding = EmbeddingPooling.Last };
        ScoringInput[] inputs = [.. Enumerable.Range(0, 6).Select(i => new ScoringInput(_random.Integers(i + 1, 3, TinyModel.Vocabulary), i % 2 == 0 ? a : b))];
        SequenceScores[] scores = scorer.Score(inputs, options);
        for (int i = 0; i < inputs.Length; i++)
        {
            double expected = scores[i].Embedding.Zip(i % 2 == 0 ? first : second).Sum(p => (double)p.First * p.Second);
            Assert.Equal(expected, scores[i].Reward!.Value, 1e-4 * Math.Max(1, Math.Abs(expected)));
            Compare.SameBits([scorer.Score([inputs[i]], options)[0].Reward!.Value], [scores[i].Reward!.Value], _random);
        }

        Assert.Throws<UnsupportedException>(() => scorer.Score([inputs[0], new ScoringInput([5])], options));
        Assert.Equal((0, 0), (a.Holders, b.Holders));
    }

    [SkippableFact]
    public void Run_WithAdapters_AllocatesNothingMore()
    {
        using IKernels kernels = Backend.Native1.Open();
        using Decoder decoder = TinyModel.Create(kernels);
        using AdapterSet adapters = new(decoder);
        using TensorPool pool = new(kernels);
        DecoderForward forward = new(decoder, pool);
        PackedTokens tokens = PackedBatch.Pack(_random.Integers(12, 3, TinyModel.Vocabulary)).Upload(decoder, pool);
        Tensor logits = pool.Rent(DType.Float32, 12, TinyModel.Vocabulary);
        LoraAdapter[] three = [.. Enumerable.Range(0, 3).Select(i => adapters.Add($"a{i}", RandomAdapter.Create(decoder, _random, tableAndHead: i == 1)))];
        AdapterRows rows = new();

        // The first calls run unoptimised code, which may box, until the runtime has compiled it again: some time in the middle of a count.
        (long without, long with) = (0, long.MaxValue);
        for (int round = 0; round < 100 && with > without; round++)
        {
            (without, with) = (Allocated(_ => null), Allocated(i => three[i % 3]));
            if (with > without) { Thread.Sleep(20); }
        }

        Assert.InRange(with, 0, without);
        pool.Return(logits);
        tokens.Return(pool);

        long Allocated(Func<int, LoraAdapter?> of)
        {
            long before = 0;
            for (int step = 0; step < 20; step++)
            {
                if (step == 10) { before = GC.GetAllocatedBytesForCurrentThread(); }
                rows.Clear();
                for (int i = 0; i < 4; i++) { rows.Add(of(i), 3); }
                Tensor hidden = forward.Run(tokens, rows);
                decoder.Logits(hidden, logits, rows);
                pool.Return(hidden);
            }

            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    [SkippableTheory, InlineData(Backend.Reference), InlineData(Backend.Native2)]
    public void WeightsWritten_MagnitudesAndHeadFollow(Backend backend)
    {
        using IKernels kernels = backend.Open();
        using Decoder decoder = TinyModel.Create(kernels, 3), other = TinyModel.Create(kernels, 4);
        LoraWeights weights;
        do { weights = RandomAdapter.Create(decoder, _random, tableAndHead: true); }
        while (!weights.Changes.Any(c => c.Magnitude is not null && c.Target.Layer >= 0) || weights.Replaced.Count > 0);
        using LoraAdapter before = new("before", decoder, weights), there = new("there", other, weights);
        int[] ids = _random.Integers(30, 3, TinyModel.Vocabulary);
        using Scorer scorer = new(decoder), elsewhere = new(other);
        scorer.Score([new ScoringInput(ids, before)]);
        decoder.CopyFrom(other);
        Compare.SameBits(elsewhere.Score([new ScoringInput(ids, there)])[0].LogProbs, scorer.Score([new ScoringInput(ids, before)])[0].LogProbs, _random);
    }

    // The oracle: plain loops over doubles.
    private sealed class MergedByHand(Decoder decoder, LoraWeights adapter) : IParameterSource
    {
        public void Read(ParameterBinding binding, Span<float> destination)
        {
            bool head = binding.Role == ParameterRole.Head;
            ParameterBinding source = head ? decoder.Bindings.First(b => b.Role == ParameterRole.Embedding) : binding;
            if (adapter.Replaced.FirstOrDefault(r => r.Key.Role == binding.Role).Value is { } whole) { whole.CopyTo(destination); }
            else { decoder.Read(source, destination); }
            if (adapter.Changes.FirstOrDefault(c => c.Target.Role == binding.Role && c.Target.Layer == binding.Layer) is not { } c) { return; }
            bool table = binding.Role == ParameterRole.Embedding;
            for (int o = 0; o < binding.Rows; o++)
            {
                double[] row = new double[binding.Columns];
                for (int i = 0; i < row.Length; i++)
                {
                    double sum = 0;
                    for (int k = 0; k < c.Rank; k++) { sum += table ? (double)c.Down[o * c.Rank + k] * c.Up[i * c.Rank + k] : (double)c.Up[o * c.Rank + k] * c.Down[k * row.Length + i]; }
                    row[i] = destination[o * row.Length + i] + c.Scale * sum;
                }

                double factor = c.Magnitude is { } m ? m[o] / Math.Sqrt(row.Sum(v => v * v)) : 1;
                for (int i = 0; i < row.Length; i++) { destination[o * row.Length + i] = (float)(factor * row[i]); }
            }
        }
    }
}
