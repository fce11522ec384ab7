using HybridEngine.Core;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Kernels.Tests;

/// <summary>IAttentionKernels: values and gradients.</summary>
public abstract class AttentionContract<TBackend> : KernelSuite<TBackend> where TBackend : IBackend
{
    private const double ForwardBound = 2e-6, BackwardBound = 1e-5;

    public static TheoryData<string> Forms => ["causal", "full", "window5", "window64", "fullwindow", "cap", "alibi", "all"];

    // Sequence lengths around tiles of 64, an empty one, and head counts and sizes off every vector width.
    private AttentionCase[] Cases() =>
    [
        new(Random, [], 2, 1, 8),
        new(Random, [1], 1, 1, 1),
        new(Random, [3, 0, 17], 3, 3, 15),
        new(Random, [63, 1, 65], 4, 2, 16),
        new(Random, [130, 64], 6, 2, 33),
        new(Random, [7, 129], 2, 1, 64),
    ];

    [SkippableTheory, MemberData(nameof(Forms))]
    public void Attention_EveryMask_AgreesWithReference(string form)
    {
        foreach (AttentionCase c in Cases())
        {
            float[][] expected = Run(Oracle, c, form, true), actual = Run(Kernels, c, form, true);
            Compare.CloseToLargest(expected[0], actual[0], ForwardBound, $"y, {form}, heads {c.QueryHeads} of {c.HeadSize}, {Random}");
            Compare.Close(expected[1], actual[1], ForwardBound, ForwardBound, $"logSumExp, {form}, heads {c.QueryHeads} of {c.HeadSize}, {Random}");
            Compare.SameBits(actual[0], Run(Kernels, c, form, false)[0], "without logSumExp");
        }
    }

    [SkippableTheory, MemberData(nameof(Forms))]
    public void AttentionBackward_EveryMask_AgreesWithReference(string form)
    {
        foreach (AttentionCase c in Cases())
        {
            float[][] forward = Run(Oracle, c, form, true);
            float[][] expected = RunBackward(Oracle, c, form, forward[0], forward[1]), actual = RunBackward(Kernels, c, form, forward[0], forward[1]);
            for (int i = 0; i < 3; i++) { Compare.CloseToLargest(expected[i], actual[i], BackwardBound, $"{"qkv"[i]} gradient, {form}, heads {c.QueryHeads} of {c.HeadSize}, {Random}"); }
        }
    }

    [SkippableTheory, MemberData(nameof(Forms))]
    public void AttentionBackward_AgainstFiniteDifferences_Agrees(string form)
    {
        AttentionCase c = new(Random, [4, 7], 4, 2, 3);
        float[] Forward() => Run(Oracle, c, form, false)[0];
        float[][] forward = Run(Oracle, c, form, true);
        float[][] gradients = RunBackward(Kernels, c, form, forward[0], forward[1]);
        FiniteDifferences.Check(c.Q, Forward, c.Dy, gradients[0], $"dq, {form}, {Random}");
        FiniteDifferences.Check(c.K, Forward, c.Dy, gradients[1], $"dk, {form}, {Random}");
        FiniteDifferences.Check(c.V, Forward, c.Dy, gradients[2], $"dv, {form}, {Random}");
    }

    [SkippableTheory, MemberData(nameof(Forms))]
    public void Attention_AgainstTheFullMatrix_Agrees(string form)
    {
        AttentionCase c = new(Random, [9, 80], 4, 2, 5);
        float[] expected = new float[c.Tokens * c.QueryWidth];
        for (int s = 0; s < c.Lengths.Length; s++) { FullMatrix(c, s, form, expected); }
        Compare.CloseToLargest(expected, Run(Kernels, c, form, false)[0], ForwardBound, $"{form}, {Random}");
    }

    [SkippableFact]
    public void Attention_OneKeyStandsOut_ReturnsItsValue()
    {
        // Key 1 has score 100 above key 0: its weight is 1 to float32.
        AttentionCase c = new([2], 1, 1, 2, [0, 0, 10, 0], [0, 1, 10, 0], [1, 2, 3, 4], [], []);
        Tensor y = Space(Kernels, 2, 1, 2), lse = Space(Kernels, 2, 1);
        AttentionOptions options = new(1, 1, 2, 1);
        Kernels.Attention(Place(Kernels, c.Q, 2, 1, 2), Place(Kernels, c.K, 2, 1, 2), Place(Kernels, c.V, 2, 1, 2), Kernels.Ints([0, 2]), options, y, lse);
        Compare.Close([1, 2, 3, 4], Kernels.Read(y), 0, 1e-6);
        Compare.Close([0, 100], Kernels.Read(lse), 1e-6, 1e-6);
    }

    [SkippableFact]
    public void Attention_HugeScores_DoNotOverflow()
    {
        AttentionCase c = new(Random, [70], 2, 2, 16);
        for (int i = 0; i < c.Q.Length; i++) { c.Q[i] *= 300; }
        float[][] expected = Run(Oracle, c, "causal", true), actual = Run(Kernels, c, "causal", true);
        // Scores of about 1000 carry a rounding of 1e-4 each.
        Compare.CloseToLargest(expected[0], actual[0], 2e-3, Random);
        Compare.Close(expected[1], actual[1], 1e-3, 1e-5, Random);
    }

    [SkippableFact]
    public void Attention_NaNInAnotherSequenceOrLaterKey_ChangesNothing()
    {
        AttentionCase c = new(Random, [70, 9, 20], 2, 1, 24);
        float[] clean = Run(Kernels, c, "causal", false)[0];
        AttentionCase dirty = c with { K = [.. c.K], V = [.. c.V] };
        // The second sequence wholly, and the last key of the first.
        Array.Fill(dirty.K, float.NaN, 69 * c.KeyWidth, 10 * c.KeyWidth);
        Array.Fill(dirty.V, float.NaN, 69 * c.KeyWidth, 10 * c.KeyWidth);
        float[] spoiled = Run(Kernels, dirty, "causal", false)[0];
        for (int t = 0; t < c.Tokens; t++)
        {
            if (t is < 69 or >= 79) { Compare.SameBits(clean.AsSpan(t * c.QueryWidth, c.QueryWidth), spoiled.AsSpan(t * c.QueryWidth, c.QueryWidth), $"token {t}"); }
            else { Assert.All(spoiled.AsSpan(t * c.QueryWidth, c.QueryWidth).ToArray(), v => Assert.True(float.IsNaN(v), $"token {t} is {v}")); }
        }
    }

    [SkippableFact]
    public void EveryCall_WrongArgument_IsRefusedByName()
    {
        AttentionOptions options = new(4, 2, 8, 1);
        Tensor q = Kernels.Allocate(DType.Float32, 3, 4, 8), k = Kernels.Allocate(DType.Float32, 3, 2, 8), v = Kernels.Allocate(DType.Float32, 3, 2, 8), y = Kernels.Allocate(DType.Float32, 3, 4, 8);
        Tensor offsets = Kernels.Ints([0, 3]), bad = Kernels.Allocate(DType.Float32, 3, 3, 8);
        Refuses("q", () => Kernels.Attention(bad, k, v, offsets, options, y, default));
        Refuses("k", () => Kernels.Attention(q, bad, v, offsets, options, y, default));
        Refuses("y", () => Kernels.Attention(q, k, v, offsets, options, bad, default));
        Refuses("offsets[1]", () => Kernels.Attention(q, k, v, Kernels.Ints([0, 4]), options, y, default));
        Refuses("offsets[2]", () => Kernels.Attention(q, k, v, Kernels.Ints([0, 2, 1]), options, y, default));
        Refuses("options.KeyHeads", () => Kernels.Attention(q, k, v, offsets, options with { KeyHeads = 3 }, y, default));
        Refuses("options.AlibiSlopes", () => Kernels.Attention(q, k, v, offsets, options with { AlibiSlopes = Kernels.Allocate(DType.Float32, 3) }, y, default));
        Refuses("logSumExp", () => Kernels.AttentionBackward(q, k, v, y, default, q, offsets, options, q, k, v));
        Refuses("blockSize", () => Kernels.CreateKv(2, 24, 2, 8));

        using KvLayer cache = Kernels.CreateKv(2, 16, 2, 8);
        Tensor one = Kernels.Ints([1]), table = Kernels.Ints([0, 1], 1, 2);
        Refuses("slots[2]", () => Kernels.WriteKv(k, v, Kernels.Ints([0, 1, 32]), cache));
        Refuses("sources[0]", () => Kernels.CopyKvBlocks(cache, Kernels.Ints([2]), one));
        Refuses("contextLengths[0]", () => Kernels.PagedAttention(q, cache, offsets, Kernels.Ints([33]), table, options, y));
        Refuses("contextLengths[0]", () => Kernels.PagedAttention(q, cache, offsets, Kernels.Ints([2]), table, options, y));
        Refuses("blockTables[0, 1]", () => Kernels.PagedAttention(q, cache, offsets, Kernels.Ints([17]), Kernels.Ints([0, 2], 1, 2), options, y));
        Refuses("cache", () => Kernels.PagedAttention(q, cache, offsets, one, table, options with { KeyHeads = 4 }, y));
    }

    // y, logSumExp
    private float[][] Run(IKernels k, AttentionCase c, string form, bool keep)
    {
        Tensor y = Space(k, c.Tokens, c.QueryHeads, c.HeadSize), lse = keep ? Space(k, c.Tokens, c.QueryHeads) : default;
        k.Attention(Place(k, c.Q, c.Tokens, c.QueryHeads, c.HeadSize), Place(k, c.K, c.Tokens, c.KeyHeads, c.HeadSize), Place(k, c.V, c.Tokens, c.KeyHeads, c.HeadSize),
            k.Ints(c.Offsets), c.Options(k, form), y, lse);
        return [k.Read(y), keep ? k.Read(lse) : []];
    }

    // dq, dk, dv
    private float[][] RunBackward(IKernels k, AttentionCase c, string form, float[] y, float[] lse)
    {
        Tensor dq = Space(k, c.Tokens, c.QueryHeads, c.HeadSize), dk = Space(k, c.Tokens, c.KeyHeads, c.HeadSize), dv = Space(k, c.Tokens, c.KeyHeads, c.HeadSize);
        k.AttentionBackward(Place(k, c.Q, c.Tokens, c.QueryHeads, c.HeadSize), Place(k, c.K, c.Tokens, c.KeyHeads, c.HeadSize), Place(k, c.V, c.Tokens, c.KeyHeads, c.HeadSize),
            Place(k, y, c.Tokens, c.QueryHeads, c.HeadSize), Place(k, lse, c.Tokens, c.QueryHeads), Place(k, c.Dy, c.Tokens, c.QueryHeads, c.HeadSize),
            k.Ints(c.Offsets), c.Options(k, form), dq, dk, dv);
        return [k.Read(dq), k.Read(dk), k.Read(dv)];
    }

    // The textbook: a whole matrix of scores with a mask, then soft-max, then a product with the values.
    private void FullMatrix(AttentionCase c, int s, string form, float[] y)
    {
        AttentionOptions o = c.Options(Oracle, form);
        int start = c.Offsets[s], n = c.Lengths[s];
        for (int h = 0; h < c.QueryHeads; h++)
        {
            int kh = h * c.KeyHeads / c.QueryHeads;
            for (int i = 0; i < n; i++)
            {
                double[] weights = new double[n];
                for (int j = 0; j < n; j++)
                {
                    double score = 0;
                    for (int d = 0; d < c.HeadSize; d++) { score += o.Scale * (double)c.Q[(start + i) * c.QueryWidth + h * c.HeadSize + d] * c.K[(start + j) * c.KeyWidth + kh * c.HeadSize + d]; }
                    if (o.SoftCap > 0) { score = o.SoftCap * Math.Tanh(score / o.SoftCap); }
                    if (!o.AlibiSlopes.IsEmpty) { score += (double)c.Slopes[h] * (j - i); }
                    bool hidden = (o.Causal && j > i) || (o.Window > 0 && i - j >= o.Window);
                    weights[j] = hidden ? 0 : Math.Exp(score);
                }

                double total = weights.Sum();
                for (int d = 0; d < c.HeadSize; d++)
                {
                    double sum = 0;
                    for (int j = 0; j < n; j++) { sum += weights[j] / total * c.V[(start + j) * c.KeyWidth + kh * c.HeadSize + d]; }
                    y[(start + i) * c.QueryWidth + h * c.HeadSize + d] = (float)sum;
                }
            }
        }
    }
}
