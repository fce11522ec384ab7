using HybridEngine.Core;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Kernels.Tests;

/// <summary>Products in bf16: values against the oracle (the same rounding of operands, sums in float64), a row's bits in any batch, and what is refused.</summary>
public abstract class BFloat16Contract<TBackend> : KernelSuite<TBackend> where TBackend : IBackend
{
    public static TheoryData<int, int, int> Sizes => new()
    {
        { 0, 5, 7 }, { 1, 1, 1 }, { 2, 15, 17 }, { 3, 31, 33 }, { 5, 255, 33 }, { 7, 257, 65 }, { 33, 513, 17 }, { 1, 1030, 129 }, { 17, 64, 1 }, { 70, 33, 257 },
    };

    [SkippableTheory, MemberData(nameof(Sizes))]
    public void Products_FreshInputs_AgreeWithReference(int rows, int inputs, int outputs)
    {
        float[] x = Random.Normal(rows * inputs), w = Random.Normal(outputs * inputs), bias = Random.Normal(outputs), dy = Random.Normal(rows * outputs), old = Random.Normal(outputs * inputs);
        float[][] Run(IKernels k)
        {
            (_, WeightMatrix copy) = MasterAndCopy(k, w, outputs, inputs);
            WeightMatrix dw = k.CreateWeight(outputs, inputs, DType.Float32, Arithmetic.BFloat16);
            k.Pack(k.Floats(old, outputs, inputs), dw);
            Tensor y = Place(k, dy, rows, outputs), fresh = Space(k, rows, outputs), dx = Space(k, rows, inputs), dBias = k.Floats(bias);
            k.Linear(Place(k, x, rows, inputs), copy, k.Floats(bias), y, accumulate: true);
            k.Linear(Place(k, x, rows, inputs), copy, default, fresh);
            k.LinearBackwardInput(Place(k, dy, rows, outputs), copy, dx);
            k.LinearBackwardWeight(Place(k, x, rows, inputs), Place(k, dy, rows, outputs), dw, dBias);
            return [k.Read(y), k.Read(fresh), k.Read(dx), k.ReadWeight(dw), k.Read(dBias)];
        }

        float[][] expected = Run(Oracle), actual = Run(Kernels);
        double[] forward = Bounds(rows, outputs, inputs, (r, o, k) => x[r * inputs + k] * w[o * inputs + k]);
        double[][] bounds =
        [
            forward, forward, Bounds(rows, inputs, outputs, (r, i, o) => dy[r * outputs + o] * w[o * inputs + i]),
            Bounds(outputs, inputs, rows, (o, i, r) => dy[r * outputs + o] * x[r * inputs + i]), Bounds(1, outputs, rows, (_, o, r) => dy[r * outputs + o]),
        ];
        for (int i = 0; i < expected.Length; i++) { Compare.Within(expected[i], actual[i], bounds[i], $"output {i}, {Random}"); }
    }

    [SkippableTheory, InlineData(300, 70), InlineData(64, 600)]
    public void LinearAndItsInputGradient_RowsAloneOrInAnyBatch_SameBits(int inputs, int outputs)
    {
        const int Rows = 37;
        float[] x = Random.Normal(Rows * inputs), dy = Random.Normal(Rows * outputs);
        (_, WeightMatrix w) = MasterAndCopy(Kernels, Random.Normal(outputs * inputs), outputs, inputs);
        float[][] Run(int start, int count)
        {
            Tensor y = Space(Kernels, count, outputs), dx = Space(Kernels, count, inputs);
            Kernels.Linear(Place(Kernels, x.AsSpan(start * inputs, count * inputs), count, inputs), w, default, y);
            Kernels.LinearBackwardInput(Place(Kernels, dy.AsSpan(start * outputs, count * outputs), count, outputs), w, dx);
            return [Kernels.Read(y), Kernels.Read(dx)];
        }

        float[][] whole = Run(0, Rows);
        foreach (int size in new[] { 1, 2, 3, 5, 8, 13, 31 })
        {
            for (int start = 0; start < Rows; start += size)
            {
                int count = Math.Min(size, Rows - start);
                float[][] part = Run(start, count);
                Compare.SameBits(whole[0].AsSpan(start * outputs, count * outputs), part[0], $"y of rows {start} to {start + count}, {Random}");
                Compare.SameBits(whole[1].AsSpan(start * inputs, count * inputs), part[1], $"dx of rows {start} to {start + count}, {Random}");
            }
        }
    }

    [SkippableFact]
    public void Head_FreshInputs_AgreesWithReferenceAndWithStoredLogits()
    {
        foreach (HeadCase c in (HeadCase[])[new(Random, 1, 1, 1), new(Random, 5, 33, 511), new(Random, 14, 65, 513), new(Random, 3, 270, 1030)])
        {
            HeadOptions options = new(0.7f, 5);
            float[][] Run(IKernels k)
            {
                (_, WeightMatrix head) = MasterAndCopy(k, c.Head, c.Vocabulary, c.Width);
                WeightMatrix dHead = k.CreateWeight(c.Vocabulary, c.Width, DType.Float32, Arithmetic.BFloat16);
                Tensor hidden = Place(k, c.Hidden, c.Tokens, c.Width), bias = k.Floats(c.Bias), targets = k.Ints(c.Targets), logits = Space(k, c.Tokens, c.Vocabulary);
                Tensor logProb = k.Allocate(DType.Float32, c.Tokens), lse = k.Allocate(DType.Float32, c.Tokens), entropy = k.Allocate(DType.Float32, c.Tokens);
                k.LogProbs(hidden, head, bias, targets, options, logProb, lse, entropy);
                k.Logits(hidden, head, bias, options.SoftCap, logits);
                Tensor stored = k.Allocate(DType.Float32, c.Tokens), temperatures = k.Floats([.. Enumerable.Repeat(options.Temperature, c.Tokens)]);
                k.LogProbsFromLogits(logits, temperatures, targets, stored);
                Compare.SameBits(k.Read(logProb), k.Read(stored), $"stored logits, {c}, {Random}");
                Tensor dHidden = Space(k, c.Tokens, c.Width), dBias = k.Allocate(DType.Float32, c.Vocabulary);
                k.LogProbsBackward(hidden, head, bias, targets, options, lse, entropy, k.Floats(c.DLogProb), k.Floats(c.DLogSumExp), k.Floats(c.DEntropy), dHidden, dHead, dBias);
                return [k.Read(logProb), k.Read(lse), k.Read(entropy), k.Read(dBias), k.Read(dHidden), k.ReadWeight(dHead)];
            }

            float[][] expected = Run(Oracle), actual = Run(Kernels);
            for (int i = 0; i < 3; i++) { Compare.Within(expected[i], actual[i], HeadContract<TBackend>.Bounds(expected, i), $"output {i} of {c}, {Random}"); }
            Compare.CloseToLargest(expected[3], actual[3], 2e-5, $"dBias of {c}, {Random}", least: 1);
            // A derivative that lies between two bf16 values may be rounded to either: a 128th of the largest term, and room for more than one.
            for (int i = 4; i < 6; i++) { Compare.CloseToLargest(expected[i], actual[i], 1.0 / 32, $"gradient {i} of {c}, {Random}", least: 1); }
        }
    }

    [SkippableFact]
    public void CopyOfAdamW_IsNarrowOfItsMasters()
    {
        const int Outputs = 45, Inputs = 71;
        (WeightMatrix master, WeightMatrix copy) = MasterAndCopy(Kernels, Random.Normal(Outputs * Inputs), Outputs, Inputs);
        (WeightMatrix plain, WeightMatrix narrowed) = MasterAndCopy(Kernels, Kernels.ReadWeight(master), Outputs, Inputs);
        AdamWStep step = new(1e-2, 0.9, 0.95, 1e-8, 0.1, 3);
        float[] gradient = Random.Normal(Outputs * Inputs), first = Random.Uniform((int)master.Storage.Count, -1, 1), second = Random.Uniform((int)master.Storage.Count, 0, 1);
        float[][] Run(WeightMatrix parameter, WeightMatrix? written)
        {
            Tensor m = Kernels.Floats(first), v = Kernels.Floats(second);
            Kernels.AdamW(parameter.Storage, Kernels.Weight(gradient, Outputs, Inputs).Storage, m, v, step, Kernels.Floats([0.5f]), written);
            return [Kernels.ReadWeight(parameter), Kernels.Read(m), Kernels.Read(v)];
        }

        float[][] with = Run(master, copy), without = Run(plain, null);
        for (int i = 0; i < with.Length; i++) { Compare.SameBits(without[i], with[i], $"{i}, {Random}"); }
        Kernels.Narrow(master, narrowed);
        Compare.SameBits(Kernels.ReadWeight(narrowed), Kernels.ReadWeight(copy), Random);
        Refuses("parameter", () => Kernels.AdamW(Kernels.Floats([1]), Kernels.Floats([1]), Kernels.Floats([1]), Kernels.Floats([1]), step, default, copy));
    }

    [SkippableFact]
    public void EmbedAndUnpack_GiveTheRoundedValues()
    {
        const int Outputs = 40, Inputs = 33;
        float[] w = Random.Normal(Outputs * Inputs);
        (_, WeightMatrix copy) = MasterAndCopy(Kernels, w, Outputs, Inputs);
        float[] rounded = Kernels.ReadWeight(copy);
        for (int i = 0; i < w.Length; i++) { Assert.InRange(Math.Abs(rounded[i] - w[i]), 0, Math.ScaleB(Math.Abs(w[i]), -8)); }
        Assert.All(rounded, v => Assert.Equal(0, BitConverter.SingleToInt32Bits(v) & 0xffff));
        Tensor y = Space(Kernels, 3, Inputs);
        Kernels.Embed(Kernels.Ints([39, 0, 17]), copy, y);
        Compare.SameBits([.. rounded[(39 * Inputs)..], .. rounded[..Inputs], .. rounded[(17 * Inputs)..(18 * Inputs)]], Kernels.Read(y), Random);

        Tensor source = Kernels.Allocate(DType.BFloat16, Outputs, Inputs);
        Kernels.Convert(Kernels.Floats(w, Outputs, Inputs), source);
        WeightMatrix packed = Kernels.CreateWeight(Outputs, Inputs, DType.BFloat16, Arithmetic.BFloat16);
        Kernels.Pack(source, packed);
        Compare.SameBits(rounded, Kernels.ReadWeight(packed), Random);
    }

    [SkippableFact]
    public void GroupedLinear_ExpertsInBFloat16_AreTheProductsOfEach()
    {
        const int Outputs = 20, Inputs = 36;
        int[] offsets = [0, 3, 3, 8];
        float[] x = Random.Normal(8 * Inputs), dy = Random.Normal(8 * Outputs);
        WeightMatrix[] experts = [.. Enumerable.Range(0, 3).Select(_ => MasterAndCopy(Kernels, Random.Normal(Outputs * Inputs), Outputs, Inputs).Copy)];
        WeightMatrix[] gradients = [.. experts.Select(_ => Kernels.CreateWeight(Outputs, Inputs, DType.Float32, Arithmetic.BFloat16))];
        Tensor xs = Kernels.Floats(x, 8, Inputs), dys = Kernels.Floats(dy, 8, Outputs), y = Space(Kernels, 8, Outputs), dx = Space(Kernels, 8, Inputs);
        Kernels.GroupedLinear(xs, Kernels.Ints(offsets), experts, y);
        Kernels.GroupedLinearBackward(xs, dys, Kernels.Ints(offsets), experts, dx, gradients);
        for (int e = 0; e < 3; e++)
        {
            int rows = offsets[e + 1] - offsets[e];
            if (rows == 0) { continue; }
            Tensor one = Space(Kernels, rows, Outputs), dOne = Space(Kernels, rows, Inputs);
            WeightMatrix dw = Kernels.CreateWeight(Outputs, Inputs, DType.Float32, Arithmetic.BFloat16);
            Kernels.Linear(xs.Rows(offsets[e], rows), experts[e], default, one);
            Kernels.LinearBackwardInput(dys.Rows(offsets[e], rows), experts[e], dOne);
            Kernels.LinearBackwardWeight(xs.Rows(offsets[e], rows), dys.Rows(offsets[e], rows), dw, default);
            Compare.SameBits(Kernels.Read(one), Kernels.Read(y.Rows(offsets[e], rows)), $"expert {e}, {Random}");
            Compare.SameBits(Kernels.Read(dOne), Kernels.Read(dx.Rows(offsets[e], rows)), $"expert {e}, {Random}");
            Compare.SameBits(Kernels.ReadWeight(dw), Kernels.ReadWeight(gradients[e]), $"expert {e}, {Random}");
        }
    }

    [SkippableFact]
    public void EveryCall_WrongKindOfWeight_IsRefusedByName()
    {
        (WeightMatrix master, WeightMatrix copy) = MasterAndCopy(Kernels, new float[4 * 6], 4, 6);
        Tensor x = Kernels.Allocate(DType.Float32, 3, 6), y = Kernels.Allocate(DType.Float32, 3, 4), two = Kernels.Allocate(DType.Float32, 3), targets = Kernels.Allocate(DType.Int32, 3);
        WeightMatrix plain = Kernels.CreateWeight(4, 6), small = Kernels.CreateWeight(4, 5, DType.BFloat16, Arithmetic.BFloat16);
        Refuses("w", () => Kernels.Linear(x, master, default, y));
        Refuses("w", () => Kernels.LinearBackwardInput(y, master, x));
        Refuses("dw", () => Kernels.LinearBackwardWeight(x, y, copy, default));
        Refuses("master", () => Kernels.Narrow(copy, copy));
        Refuses("copy", () => Kernels.Narrow(master, plain));
        Refuses("copy", () => Kernels.Narrow(master, small));
        Refuses("source", () => Kernels.Pack(x, copy));
        Refuses("head", () => Kernels.Logits(x, master, default, 0, y));
        Refuses("dHead", () => Kernels.LogProbsBackward(x, copy, default, targets, new HeadOptions(), two, default, two, default, default, Kernels.Allocate(DType.Float32, 3, 6), plain, default));
        Assert.Throws<UnsupportedException>(() => Kernels.CreateWeight(4, 32, DType.Q8_0, Arithmetic.BFloat16));
        Assert.False(Kernels.CanCreateWeight(DType.Float16, 32, Arithmetic.BFloat16));
        Assert.Equal(Kernels.NumericVariant, Kernels.VariantOf(Arithmetic.Float32));
        Assert.NotEqual(Kernels.NumericVariant, Kernels.VariantOf(Arithmetic.BFloat16));
    }

    private static (WeightMatrix Master, WeightMatrix Copy) MasterAndCopy(IKernels k, float[] values, int outputs, int inputs)
    {
        WeightMatrix master = k.CreateWeight(outputs, inputs, DType.Float32, Arithmetic.BFloat16), copy = k.CreateWeight(outputs, inputs, DType.BFloat16, Arithmetic.BFloat16);
        k.Pack(k.Floats(values, outputs, inputs), master);
        k.Narrow(master, copy);
        return (master, copy);
    }

    // As float32's (docs/numerics.md); rounding an operand may make a product a 64th larger.
    private static double[] Bounds(int rows, int columns, int inner, Func<int, int, int, double> product)
    {
        double[] bounds = new double[rows * columns];
        for (int r = 0; r < rows; r++)
        {
            for (int c = 0; c < columns; c++)
            {
                double sum = 0;
                for (int k = 0; k < inner; k++) { sum += Math.Abs(product(r, c, k)); }
                bounds[r * columns + c] = Math.ScaleB(Math.Sqrt(inner) * sum * 65 / 64, -22) + 2e-6;
            }
        }

        return bounds;
    }
}
