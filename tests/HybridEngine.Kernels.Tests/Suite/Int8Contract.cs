using HybridEngine.Core;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Kernels.Tests;

/// <summary>Products of block-quantized weights with activations of 8 bits: what the oracle computes from the rounded activations, one row at a time or many.</summary>
public abstract class Int8Contract<TBackend> : KernelSuite<TBackend> where TBackend : IBackend
{
    public static TheoryData<DType> Types => [DType.Q8_0, DType.Q4_0, DType.Q4_1, DType.Q2_K, DType.Q3_K, DType.Q4_K, DType.Q5_K, DType.Q6_K];

    [SkippableTheory, MemberData(nameof(Types))]
    public void Linear_Int8_IsTheProductOfRoundedActivations(DType dtype)
    {
        foreach ((int rows, int outputs) in ((int, int)[])[(1, 1), (3, 33), (5, 64), (8, 97), (29, 130)])
        {
            int inputs = dtype.BlockLength() * Random.Integer(1, 4);
            (WeightMatrix w, WeightMatrix plain) = Weights(dtype, outputs, inputs);
            float[] x = Random.Normal(rows * inputs), bias = Random.Normal(outputs), old = Random.Normal(rows * outputs);
            float[] values = Oracle.ReadWeight(plain);
            foreach (bool more in (bool[])[false, true])
            {
                Tensor y = Place(Kernels, old, rows, outputs), expected = Place(Oracle, old, rows, outputs);
                Kernels.Linear(Place(Kernels, x, rows, inputs), w, more ? Kernels.Floats(bias) : default, y, more);
                Oracle.Linear(Place(Oracle, x, rows, inputs), plain, more ? Oracle.Floats(bias) : default, expected, more);
                float[] actual = Kernels.Read(y), wanted = Oracle.Read(expected);
                for (int i = 0; i < actual.Length; i++)
                {
                    double size = 0;
                    for (int k = 0; k < inputs; k++) { size += Math.Abs(x[i / outputs * inputs + k]) * Math.Abs(values[i % outputs * inputs + k]); }
                    // Chains of one or two terms for 32 inputs; minima may be far larger than what is left of them.
                    double bound = Math.ScaleB(1, -20) * size + 1e-5;
                    Assert.True(Math.Abs(actual[i] - wanted[i]) <= bound, $"{dtype} [{rows}, {inputs}, {outputs}] at {i}: {actual[i]}, expected {wanted[i]} within {bound}; {Random}");
                }
            }
        }
    }

    [SkippableTheory, MemberData(nameof(Types))]
    public void Linear_Int8RowAloneOrInAnyBatch_SameBits(DType dtype)
    {
        const int Rows = 23, Outputs = 70;
        int inputs = 2 * dtype.BlockLength();
        (WeightMatrix w, _) = Weights(dtype, Outputs, inputs);
        float[] x = Random.Normal(Rows * inputs);
        Tensor all = Kernels.Floats(x, Rows, inputs), y = Space(Kernels, Rows, Outputs);
        Kernels.Linear(all, w, default, y);
        float[] together = Kernels.Read(y);
        for (int first = 0, count; first < Rows; first += count)
        {
            count = Math.Min(Random.Integer(1, 9), Rows - first);
            Tensor part = Space(Kernels, count, Outputs);
            Kernels.Linear(all.Rows(first, count), w, default, part);
            Compare.SameBits(together.AsSpan(first * Outputs, count * Outputs), Kernels.Read(part), $"{dtype} rows {first} to {first + count}; {Random}");
        }
    }

    [SkippableTheory, MemberData(nameof(Types))]
    public void GroupedLinear_Int8_GivesEachGroupTheBitsOfLinear(DType dtype)
    {
        const int Outputs = 37;
        int[] rows = [7, 0, 1, 12];
        int inputs = dtype.BlockLength(), total = rows.Sum(), first = 0;
        WeightMatrix[] experts = [.. rows.Select(_ => Weights(dtype, Outputs, inputs).Item1)];
        Tensor x = Kernels.Floats(Random.Normal(total * inputs), total, inputs), grouped = Space(Kernels, total, Outputs), y = Space(Kernels, total, Outputs);
        Kernels.GroupedLinear(x, Kernels.Ints(AttentionCase.Sums(rows)), experts, grouped);
        for (int e = 0; e < rows.Length; first += rows[e++])
        {
            if (rows[e] > 0) { Kernels.Linear(x.Rows(first, rows[e]), experts[e], default, y.Rows(first, rows[e])); }
        }

        Compare.SameBits(Kernels.Read(y), Kernels.Read(grouped), $"{dtype}; {Random}");
    }

    [SkippableTheory, MemberData(nameof(Types))]
    public void Head_Int8_AgreesWithItsLogits(DType dtype)
    {
        const int Rows = 7, Vocabulary = 1100;
        int inputs = dtype.BlockLength();
        (WeightMatrix w, _) = Weights(dtype, Vocabulary, inputs);
        Tensor x = Kernels.Floats(Random.Normal(Rows * inputs), Rows, inputs), bias = Kernels.Floats(Random.Normal(Vocabulary)), linear = Space(Kernels, Rows, Vocabulary), logits = Space(Kernels, Rows, Vocabulary);
        int[] targets = Random.Integers(Rows, 0, Vocabulary);
        Kernels.Linear(x, w, bias, linear);
        Kernels.Logits(x, w, bias, 0, logits);
        Tensor logProb = Kernels.Allocate(DType.Float32, Rows), logSumExp = Kernels.Allocate(DType.Float32, Rows);
        Kernels.LogProbs(x, w, bias, Kernels.Ints(targets), new HeadOptions(), logProb, logSumExp, default);
        float[] y = Kernels.Read(linear), z = Kernels.Read(logits), lse = Kernels.Read(logSumExp), lp = Kernels.Read(logProb);
        for (int i = 0; i < z.Length; i++) { Assert.InRange(z[i] - y[i], -1e-6f * (1 + Math.Abs(z[i])), 1e-6f * (1 + Math.Abs(z[i]))); }
        for (int r = 0; r < Rows; r++)
        {
            float of = z[r * Vocabulary + targets[r]], bound = 1e-5f * (1 + Math.Abs(of) + Math.Abs(lse[r]));
            Assert.InRange(lp[r] - (of - lse[r]), -bound, bound);
        }
    }

    [SkippableFact]
    public void Linear_Int8NotFiniteRow_SpoilsThatRowOnly()
    {
        (WeightMatrix w, _) = Weights(DType.Q8_0, 40, 96);
        foreach (float bad in (float[])[float.NaN, float.PositiveInfinity, float.NegativeInfinity])
        {
            float[] x = Random.Normal(5 * 96);
            x[2 * 96 + Random.Integer(0, 96)] = bad;
            Tensor y = Space(Kernels, 5, 40);
            Kernels.Linear(Kernels.Floats(x, 5, 96), w, default, y);
            float[] values = Kernels.Read(y);
            for (int i = 0; i < values.Length; i++) { Assert.Equal(i / 40 != 2, float.IsFinite(values[i])); }
        }
    }

    [SkippableFact]
    public void Linear_Int8SmallestAndGreatestBlocks_AreFinite()
    {
        (WeightMatrix w, _) = Weights(DType.Q4_1, 3, 64);
        float[] x = new float[64];
        x[0] = float.Epsilon;
        x[40] = 1e30f;
        Tensor y = Space(Kernels, 1, 3);
        Kernels.Linear(Kernels.Floats(x, 1, 64), w, default, y);
        Assert.All(Kernels.Read(y), v => Assert.True(float.IsFinite(v)));
    }

    [SkippableFact]
    public void Backward_Int8Weight_IsRefusedByName()
    {
        WeightMatrix w = Kernels.CreateWeight(4, 32, DType.Q8_0, Arithmetic.Int8);
        Refuses("w", () => Kernels.LinearBackwardInput(Kernels.Allocate(DType.Float32, 3, 4), w, Kernels.Allocate(DType.Float32, 3, 32)));
        Assert.False(Kernels.CanCreateWeight(DType.Q8_0, 33, Arithmetic.Int8));
        Assert.False(Kernels.CanCreateWeight(DType.Float32, 32, Arithmetic.Int8));
        Assert.Throws<UnsupportedException>(() => Kernels.CreateWeight(4, 32, DType.BFloat16, Arithmetic.Int8));
    }

    // The same blocks for the backend and for the oracle.
    private (WeightMatrix Here, WeightMatrix Oracle) Weights(DType dtype, int outputs, int inputs)
    {
        byte[] blocks = RandomBlocks.Of(dtype, outputs * inputs, Random);
        WeightMatrix here = Kernels.CreateWeight(outputs, inputs, dtype, Arithmetic.Int8), oracle = Oracle.CreateWeight(outputs, inputs, dtype, Arithmetic.Int8);
        Kernels.Pack(Kernels.Blocks(dtype, blocks, outputs, inputs), here);
        Oracle.Pack(Oracle.Blocks(dtype, blocks, outputs, inputs), oracle);
        return (here, oracle);
    }
}
