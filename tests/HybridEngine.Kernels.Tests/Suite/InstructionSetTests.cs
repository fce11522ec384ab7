using HybridEngine.Core;
using HybridEngine.Native;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Kernels.Tests;

/// <summary>Equal numeric variants give equal bits: every operation on every instruction set of this machine against the scalar one.</summary>
public sealed class InstructionSetTests
{
    private const int Rows = 21, Width = 150, Outputs = 77;

    public static TheoryData<string> Operations => [.. Battery.Keys];

    private static Dictionary<string, Func<IKernels, TestRandom, float[][]>> Battery { get; } = new()
    {
        ["linear"] = Linear,
        ["embedding"] = Embedding,
        ["norm rms"] = (k, r) => Norm(k, r, NormKind.Rms),
        ["norm layer"] = (k, r) => Norm(k, r, NormKind.Layer),
        ["rotary"] = Rotary,
        ["relu"] = (k, r) => Activation(k, r, ActivationKind.Relu),
        ["silu"] = (k, r) => Activation(k, r, ActivationKind.Silu),
        ["gelu"] = (k, r) => Activation(k, r, ActivationKind.Gelu),
        ["gelu tanh"] = (k, r) => Activation(k, r, ActivationKind.GeluTanh),
        ["attention causal"] = (k, r) => Attention(k, r, "causal"),
        ["attention all"] = (k, r) => Attention(k, r, "all"),
        ["head"] = (k, r) => Head(k, r, new HeadOptions()),
        ["head cap"] = (k, r) => Head(k, r, new HeadOptions(0.7f, 5)),
        ["experts"] = Experts,
        ["sampling"] = Sampling,
        ["optimizer"] = Optimizer,
    };

    [SkippableTheory, MemberData(nameof(Operations))]
    public void EveryInstructionSet_GivesTheBitsOfScalar(string operation)
    {
        string[] sets = [.. NativeLibraryReport.Current.InstructionSets.Where(i => i != "scalar")];
        Skip.If(sets.Length == 0, $"no instruction set beside scalar: {NativeLibraryReport.Current}");
        int seed = new TestRandom().Seed;
        using IKernels scalar = NativeIsa.Open("scalar", 1);
        float[][] expected = Battery[operation](scalar, new TestRandom(seed));
        foreach (string isa in sets)
        {
            using IKernels kernels = NativeIsa.Open(isa, 2);
            Assert.Equal(scalar.NumericVariant, kernels.NumericVariant);
            float[][] actual = Battery[operation](kernels, new TestRandom(seed));
            for (int i = 0; i < expected.Length; i++) { Compare.SameBits(expected[i], actual[i], $"output {i} of {operation}, {isa}, HE_TEST_SEED={seed}"); }
        }
    }

    private static float[][] Linear(IKernels k, TestRandom r)
    {
        const int Inputs = 600;
        WeightMatrix w = k.Weight(r.Normal(Outputs * Inputs), Outputs, Inputs), dw = k.Weight(r.Normal(Outputs * Inputs), Outputs, Inputs);
        Tensor x = k.Floats(r.Normal(Rows * Inputs), Rows, Inputs), dy = k.Floats(r.Normal(Rows * Outputs), Rows, Outputs), bias = k.Floats(r.Normal(Outputs));
        Tensor y = k.Allocate(DType.Float32, Rows, Outputs), one = k.Allocate(DType.Float32, 1, Outputs), dx = k.Allocate(DType.Float32, Rows, Inputs), dBias = k.Allocate(DType.Float32, Outputs);
        k.Linear(x, w, bias, y);
        k.Linear(x.Rows(3, 1), w, default, one);
        k.LinearBackwardInput(dy, w, dx);
        k.LinearBackwardWeight(x, dy, dw, dBias);
        k.MergeLora(w, k.Floats(r.Normal(4 * Inputs), 4, Inputs), k.Floats(r.Normal(Outputs * 4), Outputs, 4), 0.3f, w);
        return [k.Read(y), k.Read(one), k.Read(dx), k.ReadWeight(dw), k.Read(dBias), k.ReadWeight(w)];
    }

    private static float[][] Embedding(IKernels k, TestRandom r)
    {
        WeightMatrix table = k.Weight(r.Normal(40 * Width), 40, Width), gradient = k.Weight(r.Normal(40 * Width), 40, Width);
        Tensor ids = k.Ints(r.Integers(Rows, 0, 40)), y = k.Floats(r.Normal(Rows * Width), Rows, Width);
        k.Embed(ids, table, y, 1.7f, accumulate: true);
        k.EmbedBackward(ids, y, gradient, 1.3f);
        return [k.Read(y), k.ReadWeight(gradient)];
    }

    private static float[][] Experts(IKernels k, TestRandom r)
    {
        const int Count = 19, TopK = 3;
        Tensor logits = k.Floats(r.Normal(Rows * Count), Rows, Count), chosen = k.Allocate(DType.Int32, Rows, TopK), weights = k.Allocate(DType.Float32, Rows, TopK);
        Tensor offsets = k.Allocate(DType.Int32, Count + 1), owners = k.Allocate(DType.Int32, Rows * TopK), slots = k.Allocate(DType.Int32, Rows, TopK);
        k.RouteExperts(logits, true, chosen, weights);
        k.GroupChoices(chosen, offsets, owners, slots);
        Tensor grouped = k.Floats(r.Normal(Rows * TopK * Width), Rows * TopK, Width), dGrouped = k.Allocate(DType.Float32, Rows * TopK, Width), y = k.Allocate(DType.Float32, Rows, Width);
        Tensor dWeights = k.Allocate(DType.Float32, Rows, TopK), dLogits = k.Allocate(DType.Float32, Rows, Count);
        k.CombineChoices(grouped, slots, weights, y);
        k.CombineChoicesBackward(grouped, slots, weights, k.Floats(r.Normal(Rows * Width), Rows, Width), dGrouped, dWeights);
        k.RouteExpertsBackward(logits, true, chosen, weights, dWeights, dLogits);
        k.ExpertLoadBackward(logits, k.Floats(r.Normal(Count)), dLogits);
        return [k.Read(weights), k.Read(y), k.Read(dGrouped), k.Read(dWeights), k.Read(dLogits)];
    }

    private static float[][] Norm(IKernels k, TestRandom r, NormKind kind)
    {
        NormOptions options = new(kind, 1e-5f, 0.5f);
        Tensor x = k.Floats(r.Normal(Rows * Width), Rows, Width), residual = k.Floats(r.Normal(Rows * Width), Rows, Width), weight = k.Floats(r.Normal(Width)), bias = k.Floats(r.Normal(Width));
        Tensor y = k.Allocate(DType.Float32, Rows, Width), statistics = k.Allocate(DType.Float32, Rows, 2), dSum = k.Floats(r.Normal(Rows * Width), Rows, Width), dy = k.Floats(r.Normal(Rows * Width), Rows, Width);
        Tensor dWeight = k.Floats(r.Normal(Width)), dBias = k.Floats(r.Normal(Width));
        k.Norm(x, residual, weight, bias, options, x, y, statistics);
        k.NormBackward(dy, x, weight, statistics, options, dSum, dWeight, dBias, accumulate: true);
        return [k.Read(y), k.Read(statistics), k.Read(dSum), k.Read(dWeight), k.Read(dBias)];
    }

    private static float[][] Rotary(IKernels k, TestRandom r)
    {
        Tensor halves = k.Floats(r.Normal(Rows * 3 * 50), Rows, 3, 50), pairs = k.Floats(r.Normal(Rows * 3 * 50), Rows, 3, 50), table = k.Floats(r.Normal(30 * 38), 30, 38), positions = k.Ints(r.Integers(Rows, 0, 30));
        k.Rotary(halves, positions, table, RotaryLayout.Halves);
        k.Rotary(pairs, positions, table, RotaryLayout.Interleaved, inverse: true);
        return [k.Read(halves), k.Read(pairs)];
    }

    private static float[][] Activation(IKernels k, TestRandom r, ActivationKind kind)
    {
        float[] values = [0, -0f, 1e-40f, 30, -30, 88, -88, 104, -104, 1e30f, -1e30f, float.NaN, float.PositiveInfinity, float.NegativeInfinity, .. r.Normal(Rows * Width - 14, 4)];
        Tensor gate = k.Floats(values, Rows, Width), up = k.Floats(r.Normal(Rows * Width), Rows, Width), dy = k.Floats(r.Normal(Rows * Width), Rows, Width);
        Tensor[] results = [.. Enumerable.Range(0, 5).Select(_ => k.Allocate(DType.Float32, Rows, Width))];
        k.Activate(kind, gate, results[0]);
        k.ActivateBackward(kind, gate, dy, results[1]);
        k.Gate(kind, gate, up, results[2]);
        k.GateBackward(kind, gate, up, dy, results[3], results[4]);
        k.Axpby(0.3f, up, -1.7f, dy);
        Tensor scaled = k.Allocate(DType.Float32, Rows, Width);
        k.ScaleColumns(gate, k.Floats(r.Normal(Width)), k.Floats(r.Normal(Width)), scaled);
        return [.. results.Append(dy).Append(scaled).Select(k.Read)];
    }

    private static float[][] Attention(IKernels k, TestRandom r, string form)
    {
        AttentionCase c = new(r, [70, 1, 130], 4, 2, 38);
        Tensor q = k.Floats(c.Q, c.Tokens, 4, 38), keys = k.Floats(c.K, c.Tokens, 2, 38), values = k.Floats(c.V, c.Tokens, 2, 38), offsets = k.Ints(c.Offsets);
        Tensor Like(Tensor t) => k.Allocate(DType.Float32, t.Shape[0], t.Shape[1], t.Shape[2]);
        Tensor y = Like(q), lse = k.Allocate(DType.Float32, c.Tokens, 4), dq = Like(q), dk = Like(keys), dv = Like(values), paged = Like(q);
        k.Attention(q, keys, values, offsets, c.Options(k, form), y, lse);
        k.AttentionBackward(q, keys, values, y, lse, k.Floats(c.Dy, c.Tokens, 4, 38), offsets, c.Options(k, form), dq, dk, dv);
        using KvLayer cache = k.CreateKv(21, 16, 2, 38);
        int[] table = r.Permutation(21), lengths = c.Lengths;
        int[] slots = [.. Enumerable.Range(0, 3).SelectMany(s => Enumerable.Range(0, lengths[s]).Select(p => table[s * 7 + p / 16 % 7] * 16 + p % 16))];
        // Sequence 2 is longer than its seven blocks: only what fits is attended.
        int[] fit = [70, 1, 112];
        k.WriteKv(keys.Rows(0, 183), values.Rows(0, 183), k.Ints(slots.AsSpan(0, 183)), cache);
        k.PagedAttention(q.Rows(0, 183), cache, k.Ints(AttentionCase.Sums(fit)), k.Ints(fit), k.Ints(table, 3, 7), c.Options(k, form), paged.Rows(0, 183));
        return [k.Read(y), k.Read(lse), k.Read(dq), k.Read(dk), k.Read(dv), k.Read(paged)];
    }

    private static float[][] Head(IKernels k, TestRandom r, HeadOptions options)
    {
        HeadCase c = new(r, Rows, 45, 1100);
        WeightMatrix head = k.Weight(c.Head, c.Vocabulary, c.Width), dHead = k.CreateWeight(c.Vocabulary, c.Width);
        Tensor hidden = k.Floats(c.Hidden, Rows, c.Width), bias = k.Floats(c.Bias), targets = k.Ints(c.Targets), logits = k.Allocate(DType.Float32, Rows, c.Vocabulary);
        Tensor logProb = k.Allocate(DType.Float32, Rows), lse = k.Allocate(DType.Float32, Rows), entropy = k.Allocate(DType.Float32, Rows), dHidden = k.Allocate(DType.Float32, Rows, c.Width), dBias = k.Allocate(DType.Float32, c.Vocabulary);
        k.LogProbs(hidden, head, bias, targets, options, logProb, lse, entropy);
        k.LogProbsBackward(hidden, head, bias, targets, options, lse, entropy, k.Floats(c.DLogProb), k.Floats(c.DLogSumExp), k.Floats(c.DEntropy), dHidden, dHead, dBias);
        k.Logits(hidden, head, bias, options.SoftCap, logits);
        return [k.Read(logProb), k.Read(lse), k.Read(entropy), k.Read(dHidden), k.ReadWeight(dHead), k.Read(dBias), k.Read(logits)];
    }

    private static float[][] Sampling(IKernels k, TestRandom r)
    {
        const int Vocabulary = 777;
        SamplingCase c = SamplingCase.Mixed(r, Rows, Vocabulary);
        Tensor logits = k.Floats(r.Normal(Rows * Vocabulary, 2), Rows, Vocabulary), ids = k.Allocate(DType.Int32, Rows), logProb = k.Allocate(DType.Float32, Rows), sampled = k.Allocate(DType.Float32, Rows);
        Tensor top = k.Allocate(DType.Int32, Rows, 5), topLogProbs = k.Allocate(DType.Float32, Rows, 5), temperature = k.Floats([.. c.Rows.Select(row => row.Temperature)]), processed = k.Allocate(DType.Float32, Rows, Vocabulary);
        k.Sample(logits, c.Tensors(k), ids, logProb, sampled);
        k.TopLogProbs(logits, temperature, top, topLogProbs);
        k.ProcessLogits(logits, c.Tensors(k), processed);
        return [k.Read(processed), [.. k.ReadInts(ids).Select(v => (float)v)], k.Read(logProb), k.Read(sampled), [.. k.ReadInts(top).Select(v => (float)v)], k.Read(topLogProbs)];
    }

    private static float[][] Optimizer(IKernels k, TestRandom r)
    {
        const int N = 5003;
        Tensor p = k.Floats(r.Normal(N)), g = k.Floats(r.Normal(N)), m = k.Floats(r.Normal(N)), v = k.Floats(r.Uniform(N, 0, 1)), norm = k.Allocate(DType.Float64, 1), clip = k.Allocate(DType.Float32, 1);
        k.SquaredNorm([g, p], norm);
        k.ClipCoefficient(norm, 1, clip);
        k.AdamW(p, g, m, v, new AdamWStep(1e-3, 0.9, 0.95, 1e-8, 0.1, 7), clip);
        double squares = k.Read<double>(norm)[0];
        return [k.Read(p), k.Read(m), k.Read(v), k.Read(clip), [(float)squares, (float)(squares - (float)squares)]];
    }
}
