using HybridEngine.Core;
using HybridEngine.Models;
using Xunit;

namespace HybridEngine.Inference.Tests;

/// <summary>The log-probability recorded when a token was drawn equals, bit for bit, what the training forward computes for it: alone, in any packing, on any number of threads.</summary>
public sealed class ZeroMismatchTests
{
    [SkippableTheory]
    [InlineData(Backend.Reference, 1f)]
    [InlineData(Backend.Reference, 0.7f)]
    [InlineData(Backend.Native1, 1f)]
    [InlineData(Backend.Native1, 0.7f)]
    [InlineData(Backend.Native2, 1f)]
    [InlineData(Backend.Native2, 0.7f)]
    public void LogProbs_OfARollout_EqualTheTrainingForwardInAnyPacking(Backend backend, float temperature) => Check(backend, temperature, Precision.Float32);

    public static TheoryData<Backend, Arithmetic, DType> NarrowTypes
    {
        get
        {
            TheoryData<Backend, Arithmetic, DType> cases = [];
            foreach (Backend backend in Enum.GetValues<Backend>())
            {
                cases.Add(backend, Arithmetic.BFloat16, DType.BFloat16);
                cases.Add(backend, Arithmetic.BFloat16, DType.Float32);
                cases.Add(backend, Arithmetic.Float32, DType.BFloat16);
            }

            return cases;
        }
    }

    [SkippableTheory, MemberData(nameof(NarrowTypes))]
    public void LogProbs_OfARolloutInBFloat16_EqualTheTrainingForwardInAnyPacking(Backend backend, Arithmetic arithmetic, DType keyValues) =>
        Check(backend, 1, new Precision { Arithmetic = arithmetic, KeyValueType = keyValues });

    private static void Check(Backend backend, float temperature, Precision precision)
    {
        int seed = Random.Shared.Next();
        Random random = new(seed);
        using IKernels kernels = backend.Open();
        Require(kernels, precision);
        using Decoder decoder = TinyModel.Create(kernels, (ulong)seed, precision: precision);
        using GenerationEngine engine = new(decoder, new EngineOptions { CacheBlocks = 16, MaxContext = 160, MaxSequences = 5, MaxBatchTokens = 37 });
        Generation[] rollouts =
        [
            .. Enumerable.Range(0, 9).Select(i => engine.Submit(new GenerationRequest
            {
                Prompt = Requests.Prompt(random, random.Next(1, 100)),
                RequestId = i,
                Choices = i % 3 == 0 ? 2 : 1,
                Sampling = new SamplingOptions { Temperature = temperature, MaxTokens = random.Next(1, 40), Seed = seed },
            })),
        ];
        engine.Run();
        List<(int[] Ids, int Prompt, float[] LogProbs)> all = [];
        foreach (Generation g in rollouts)
        {
            foreach (GenerationResult r in g.Results()) { all.Add(([.. g.Request.Prompt, .. r.TokenIds], g.Request.Prompt.Length, r.LogProbs)); }
        }

        // Another backend instance scores it, so that a rollout on one thread may be trained on two.
        using IKernels other = backend == Backend.Native1 ? Backend.Native2.Open() : backend == Backend.Native2 ? Backend.Native1.Open() : Backend.Reference.Open();
        // With masters behind its weights, as in training.
        using Decoder trained = TinyModel.Create(other, (ulong)seed, precision: precision with { Masters = true });
        using TensorPool pool = new(other);
        foreach ((int[] ids, int prompt, float[] recorded) in all) { Check(Score(trained, pool, [(ids, prompt)], temperature), recorded, $"seed {seed}, alone"); }
        for (int packing = 0; packing < 3; packing++)
        {
            (int[] Ids, int Prompt, float[] LogProbs)[] mixed = [.. all.OrderBy(_ => random.Next())];
            float[] scores = Score(trained, pool, [.. mixed.Select(m => (m.Ids, m.Prompt))], temperature);
            Check(scores, [.. mixed.SelectMany(m => m.LogProbs)], $"seed {seed}, packing {packing}");
        }
    }

    private static void Require(IKernels kernels, Precision precision)
    {
        DecoderConfig config = TinyModel.Config(1, 32);
        Skip.IfNot(precision.Arithmetic == Arithmetic.Float32 || kernels.CanCreateWeight(DType.BFloat16, config.HiddenSize, Arithmetic.BFloat16), $"{kernels.Description}: no products in bf16");
        try
        {
            kernels.CreateKv(1, 16, config.KeyHeads, config.HeadSize, precision.KeyValueType).Dispose();
        }
        catch (UnsupportedException e)
        {
            throw new SkipException(e.Message);
        }
    }

    // Log-probabilities of all completion tokens of a packed batch, as training computes them.
    private static float[] Score(Decoder decoder, TensorPool pool, (int[] Ids, int Prompt)[] sequences, float temperature)
    {
        IKernels kernels = decoder.Kernels;
        PackedBatch batch = PackedBatch.Pack([.. sequences.Select(s => s.Ids)]);
        List<int> rows = [], targets = [];
        for (int s = 0; s < sequences.Length; s++)
        {
            for (int t = sequences[s].Prompt; t < sequences[s].Ids.Length; t++)
            {
                rows.Add(batch.Offsets[s] + t - 1);
                targets.Add(sequences[s].Ids[t]);
            }
        }

        PackedTokens tokens = batch.Upload(decoder, pool);
        Tensor hidden = new DecoderForward(decoder, pool).Run(tokens);
        Tensor selected = pool.Rent(DType.Float32, rows.Count, hidden.Shape[1]);
        Tensor rowIds = pool.Rent(DType.Int32, rows.Count), targetIds = pool.Rent(DType.Int32, rows.Count);
        Tensor logProb = pool.Rent(DType.Float32, rows.Count), lse = pool.Rent(DType.Float32, rows.Count);
        kernels.Upload<int>(rows.ToArray(), rowIds);
        kernels.Upload<int>(targets.ToArray(), targetIds);
        kernels.GatherRows(hidden, rowIds, selected);
        kernels.LogProbs(selected, decoder.Head.Matrix!, default, targetIds, new HeadOptions(temperature), logProb, lse, default);
        float[] result = new float[rows.Count];
        kernels.Download(logProb, result.AsSpan());
        foreach (Tensor t in (Tensor[])[hidden, selected, rowIds, targetIds, logProb, lse]) { pool.Return(t); }
        tokens.Return(pool);
        return result;
    }

    private static void Check(float[] computed, float[] recorded, string where)
    {
        Assert.Equal(recorded.Length, computed.Length);
        for (int i = 0; i < recorded.Length; i++)
        {
            Assert.True(BitConverter.SingleToInt32Bits(recorded[i]) == BitConverter.SingleToInt32Bits(computed[i]), $"{where}: token {i} was drawn at {recorded[i]:R}, training says {computed[i]:R}");
            Assert.InRange(recorded[i], -50f, 0f);
        }
    }
}
