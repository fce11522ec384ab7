using HybridEngine.Core;
using HybridEngine.Models;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Inference.Tests;

public sealed class ScorerTests : IDisposable
{
    private readonly IKernels _kernels = Backend.Reference.Open();
    private readonly Decoder _decoder;
    private readonly Random _random = new();

    public ScorerTests() => _decoder = TinyModel.Create(_kernels, seed: 5);

    public void Dispose()
    {
        _decoder.Dispose();
        _kernels.Dispose();
    }

    [Fact]
    public void Score_AnyBatch_SameBitsAsAlone()
    {
        int[][] sequences = [.. Enumerable.Range(0, 9).Select(_ => Requests.Prompt(_random, _random.Next(1, 60)))];
        using Scorer scorer = new(_decoder);
        ScoringOptions options = new() { Temperature = 0.7f, Entropy = true, Top = 4, BatchTokens = 90 };
        SequenceScores[] together = scorer.Score(sequences, options);
        for (int i = 0; i < sequences.Length; i++)
        {
            SequenceScores alone = scorer.Score([sequences[i]], options)[0];
            Compare.SameBits(alone.LogProbs, together[i].LogProbs);
            Compare.SameBits(alone.Entropies, together[i].Entropies);
            Assert.Equal(alone.Top, together[i].Top);
            Assert.Equal(sequences[i].Length - 1, alone.LogProbs.Length);
            Assert.Equal(sequences[i].Length, alone.Top.Length);
        }
    }

    [Fact]
    public void Score_WholeVocabularyAsTop_IsADistributionWithThatEntropyAndThoseLogProbs()
    {
        int[] ids = Requests.Prompt(_random, 12);
        using Scorer scorer = new(_decoder);
        SequenceScores s = scorer.Score([ids], new() { Top = TinyModel.Vocabulary, Entropy = true })[0];
        for (int t = 0; t < ids.Length; t++)
        {
            Assert.Equal(1, s.Top[t].Sum(e => Math.Exp(e.LogProb)), 1e-5);
            Assert.Equal(s.Top[t].OrderByDescending(e => e.LogProb), s.Top[t]);
            if (t + 1 == ids.Length) { break; }
            Assert.Equal(s.LogProbs[t], s.Top[t].Single(e => e.Id == ids[t + 1]).LogProb);
            Assert.Equal(-s.Top[t].Sum(e => Math.Exp(e.LogProb) * e.LogProb), s.Entropies[t], 1e-4);
        }
    }

    [Fact]
    public void Score_ACompletion_AgreesWithWhatSamplingRecorded()
    {
        GenerationRequest request = new() { Prompt = Requests.Prompt(_random, 20), Sampling = new() { MaxTokens = 15, TopLogProbs = 3 } };
        GenerationResult r = Requests.Alone(_decoder, request)[0];
        using Scorer scorer = new(_decoder);
        SequenceScores s = scorer.Score([[.. request.Prompt, .. r.TokenIds]], new() { Top = 3 })[0];
        Compare.SameBits(r.LogProbs, s.LogProbs.AsSpan(19));
        Assert.Equal(r.TopLogProbs, s.Top[19..^1]);
    }

    [Fact]
    public void Score_BadInput_SaysWhich()
    {
        using Scorer scorer = new(_decoder);
        Assert.Equal("sequence 1", Assert.Throws<InvalidInputException>(() => scorer.Score([[3], []])).Input);
        Assert.Equal("sequence 0", Assert.Throws<InvalidInputException>(() => scorer.Score([[TinyModel.Vocabulary]])).Input);
        Assert.Equal("sequence 0", Assert.Throws<InvalidInputException>(() => scorer.Score([new int[257]])).Input);
        Assert.Equal("temperature", Assert.Throws<InvalidInputException>(() => scorer.Score([[3]], new() { Temperature = 0 })).Input);
        Assert.Equal("embedding", Assert.Throws<InvalidInputException>(() => scorer.Score([[3]], new() { Embedding = (EmbeddingPooling)9 })).Input);
        Assert.Equal("batch_tokens", Assert.Throws<InvalidInputException>(() => scorer.Score([[3]], new() { BatchTokens = 0 })).Input);
        Assert.Contains("scalar head", Assert.Throws<UnsupportedException>(() => scorer.Score([[3]], new() { Reward = true })).Message, StringComparison.Ordinal);
        Assert.Equal("top", Assert.Throws<InvalidInputException>(() => scorer.Score([[3]], new() { Top = 1000 })).Input);
    }

    [SkippableTheory]
    [InlineData(Backend.Reference)]
    [InlineData(Backend.Native2)]
    public void Score_EmbeddingsAndRewards_AreThoseOfTheHiddenStates(Backend backend)
    {
        using IKernels kernels = backend.Open();
        using Decoder decoder = TinyModel.Create(kernels, seed: (ulong)_random.NextInt64());
        int width = decoder.Config.EmbeddingSize;
        using ScalarHead head = new(kernels, width);
        float[] row = [.. Enumerable.Range(0, width).Select(_ => _random.NextSingle() - 0.5f)];
        head.Weight.Set(row);
        int[][] sequences = [.. Enumerable.Range(0, 7).Select(_ => Requests.Prompt(_random, _random.Next(1, 40)))];
        using Scorer scorer = new(decoder, head);
        SequenceScores[] mean = scorer.Score(sequences, new() { LogProbs = false, Embedding = EmbeddingPooling.Mean, BatchTokens = 64 });
        SequenceScores[] last = scorer.Score(sequences, new() { LogProbs = false, Embedding = EmbeddingPooling.Last, NormalizeEmbeddings = true, Reward = true, BatchTokens = 64 });
        for (int i = 0; i < sequences.Length; i++)
        {
            float[] hidden = Hidden(decoder, sequences[i]);
            int tokens = sequences[i].Length;
            double[] expectedMean = [.. Enumerable.Range(0, width).Select(c => Enumerable.Range(0, tokens).Average(t => (double)hidden[t * width + c]))];
            double[] expectedLast = [.. hidden[^width..].Select(v => (double)v)];
            double norm = Math.Sqrt(expectedLast.Sum(v => v * v));
            Compare.Close([.. expectedMean.Select(v => (float)v)], mean[i].Embedding, 1e-6, 1e-6);
            Compare.Close([.. expectedLast.Select(v => (float)(v / norm))], last[i].Embedding, 1e-6, 1e-6);
            Assert.Equal(expectedLast.Zip(row).Sum(p => p.First * p.Second), last[i].Reward!.Value, 1e-4);
            Assert.Empty(mean[i].LogProbs);
            Assert.Null(mean[i].Reward);

            SequenceScores alone = scorer.Score([sequences[i]], new() { Embedding = EmbeddingPooling.Mean, Reward = true })[0];
            Compare.SameBits(alone.Embedding, mean[i].Embedding);
            Compare.SameBits([alone.Reward!.Value], [last[i].Reward!.Value]);
            Assert.Equal(tokens - 1, alone.LogProbs.Length);
        }
    }

    [Fact]
    public void Scorer_HeadOfAnotherWidth_IsRefused()
    {
        using ScalarHead head = new(_kernels, 3);
        Assert.Contains("48", Assert.Throws<InvalidInputException>(() => new Scorer(_decoder, head)).Message, StringComparison.Ordinal);
    }

    private static float[] Hidden(Decoder decoder, int[] ids)
    {
        using TensorPool pool = new(decoder.Kernels);
        PackedTokens tokens = PackedBatch.Pack(ids).Upload(decoder, pool);
        Tensor hidden = new DecoderForward(decoder, pool).Run(tokens);
        float[] values = new float[hidden.Count];
        decoder.Kernels.Download(hidden, values.AsSpan());
        pool.Return(hidden);
        tokens.Return(pool);
        return values;
    }
}
