using HybridEngine.Core;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Kernels.Tests;

/// <summary>ILinearKernels: values.</summary>
public abstract class LinearContract<TBackend> : KernelSuite<TBackend> where TBackend : IBackend
{
    public static TheoryData<int, int, int> Sizes => new()
    {
        { 0, 5, 7 }, { 1, 1, 1 }, { 1, 16, 16 }, { 2, 15, 17 }, { 3, 31, 33 }, { 5, 255, 33 }, { 4, 256, 31 }, { 7, 257, 65 }, { 33, 513, 17 }, { 1, 1030, 129 }, { 17, 64, 1 }, { 70, 33, 257 },
    };

    [SkippableTheory, MemberData(nameof(Sizes))]
    public void Linear_FreshInputs_AgreesWithReference(int rows, int inputs, int outputs)
    {
        float[] x = Random.Normal(rows * inputs), w = Random.Normal(outputs * inputs), bias = Random.Normal(outputs), old = Random.Normal(rows * outputs);
        double[] bounds = Bounds(rows, outputs, inputs, (r, o, k) => x[r * inputs + k] * w[o * inputs + k]);
        foreach (bool withBias in new[] { false, true })
        {
            foreach (bool accumulate in new[] { false, true })
            {
                float[] Run(IKernels k)
                {
                    Tensor y = accumulate ? Place(k, old, rows, outputs) : Space(k, rows, outputs);
                    k.Linear(Place(k, x, rows, inputs), k.Weight(w, outputs, inputs), withBias ? k.Floats(bias) : default, y, accumulate);
                    return k.Read(y);
                }

                Compare.Within(Run(Oracle), Run(Kernels), bounds, $"bias {withBias}, accumulate {accumulate}, {Random}");
            }
        }
    }

    [SkippableTheory, MemberData(nameof(Sizes))]
    public void LinearBackwardInput_FreshInputs_AgreesWithReference(int rows, int inputs, int outputs)
    {
        float[] dy = Random.Normal(rows * outputs), w = Random.Normal(outputs * inputs), old = Random.Normal(rows * inputs);
        double[] bounds = Bounds(rows, inputs, outputs, (r, i, o) => dy[r * outputs + o] * w[o * inputs + i]);
        foreach (bool accumulate in new[] { false, true })
        {
            float[] Run(IKernels k)
            {
                Tensor dx = accumulate ? Place(k, old, rows, inputs) : Space(k, rows, inputs);
                k.LinearBackwardInput(Place(k, dy, rows, outputs), k.Weight(w, outputs, inputs), dx, accumulate);
                return k.Read(dx);
            }

            Compare.Within(Run(Oracle), Run(Kernels), bounds, $"accumulate {accumulate}, {Random}");
        }
    }

    [SkippableTheory, MemberData(nameof(Sizes))]
    public void LinearBackwardWeight_FreshInputs_AddsToBothGradients(int rows, int inputs, int outputs)
    {
        float[] x = Random.Normal(rows * inputs), dy = Random.Normal(rows * outputs), oldW = Random.Normal(outputs * inputs), oldB = Random.Normal(outputs);
        double[] weightBounds = Bounds(outputs, inputs, rows, (o, i, r) => dy[r * outputs + o] * x[r * inputs + i]);
        double[] biasBounds = Bounds(1, outputs, rows, (_, o, r) => dy[r * outputs + o]);
        foreach (bool withBias in new[] { false, true })
        {
            (float[] Weight, float[] Bias) Run(IKernels k)
            {
                WeightMatrix dw = k.Weight(oldW, outputs, inputs);
                Tensor dBias = k.Floats(oldB);
                k.LinearBackwardWeight(Place(k, x, rows, inputs), Place(k, dy, rows, outputs), dw, withBias ? dBias : default);
                return (k.ReadWeight(dw), k.Read(dBias));
            }

            (float[] expectedWeight, float[] expectedBias) = Run(Oracle);
            (float[] weight, float[] bias) = Run(Kernels);
            Compare.Within(expectedWeight, weight, weightBounds, $"dW, {Random}");
            Compare.Within(expectedBias, bias, biasBounds, $"dBias {withBias}, {Random}");
        }
    }

    [SkippableFact]
    public void Linear_SmallIntegers_IsExact()
    {
        Tensor y = Space(Kernels, 2, 2);
        Kernels.Linear(Place(Kernels, [1, 2, 3, -4, 5, -6], 2, 3), Kernels.Weight([1, 0, 2, -1, 3, 1], 2, 3), Kernels.Floats([10, 20]), y);
        Assert.Equal([17, 28, -6, 33], Kernels.Read(y));
    }

    [SkippableFact]
    public void Backward_AgainstFiniteDifferences_Agrees()
    {
        const int Rows = 3, Inputs = 5, Outputs = 4;
        float[] x = Random.Normal(Rows * Inputs), w = Random.Normal(Outputs * Inputs), bias = Random.Normal(Outputs), dy = Random.Normal(Rows * Outputs);
        float[] Forward()
        {
            Tensor y = Oracle.Allocate(DType.Float32, Rows, Outputs);
            Oracle.Linear(Oracle.Floats(x, Rows, Inputs), Oracle.Weight(w, Outputs, Inputs), Oracle.Floats(bias), y);
            return Oracle.Read(y);
        }

        Tensor dx = Space(Kernels, Rows, Inputs), dBias = Kernels.Allocate(DType.Float32, Outputs);
        WeightMatrix dw = Kernels.CreateWeight(Outputs, Inputs);
        Kernels.LinearBackwardInput(Place(Kernels, dy, Rows, Outputs), Kernels.Weight(w, Outputs, Inputs), dx);
        Kernels.LinearBackwardWeight(Place(Kernels, x, Rows, Inputs), Place(Kernels, dy, Rows, Outputs), dw, dBias);
        FiniteDifferences.Check(x, Forward, dy, Kernels.Read(dx), $"dx, {Random}");
        FiniteDifferences.Check(w, Forward, dy, Kernels.ReadWeight(dw), $"dW, {Random}");
        FiniteDifferences.Check(bias, Forward, dy, Kernels.Read(dBias), $"dBias, {Random}");
    }

    [SkippableTheory, InlineData(0, 3), InlineData(1, 1), InlineData(17, 31), InlineData(33, 257), InlineData(64, 64)]
    public void Pack_ThenUnpack_GivesTheSameBits(int outputs, int inputs)
    {
        float[] w = Random.Normal(outputs * inputs);
        WeightMatrix weight = Kernels.CreateWeight(outputs, inputs);
        Kernels.Pack(Place(Kernels, w, outputs, inputs), weight);
        Tensor back = Space(Kernels, outputs, inputs);
        Kernels.Unpack(weight, back);
        Compare.SameBits(w, Kernels.Read(back), Random);
    }

    [SkippableTheory, InlineData(1, 1), InlineData(17, 31), InlineData(33, 5), InlineData(65, 257)]
    public void Storage_PaddingAfterEveryWriter_StaysZero(int outputs, int inputs)
    {
        const int Rows = 3, Rank = 2;
        float[] ones = [.. Enumerable.Repeat(1f, outputs * inputs)];
        WeightMatrix w = Kernels.Weight(ones, outputs, inputs), dw = Kernels.CreateWeight(outputs, inputs);
        Kernels.LinearBackwardWeight(Place(Kernels, Random.Uniform(Rows * inputs, 1, 2), Rows, inputs), Place(Kernels, Random.Uniform(Rows * outputs, 1, 2), Rows, outputs), dw, default);
        Kernels.MergeLora(w, Place(Kernels, Random.Uniform(Rank * inputs, 1, 2), Rank, inputs), Place(Kernels, Random.Uniform(outputs * Rank, 1, 2), outputs, Rank), 1, w);
        Assert.Equal(outputs * inputs, Kernels.Read(w.Storage).Count(v => v != 0));
        Assert.Equal(outputs * inputs, Kernels.Read(dw.Storage).Count(v => v != 0));
    }

    [SkippableTheory, InlineData(false), InlineData(true)]
    public void MergeLora_FreshInputs_AgreesWithReference(bool inPlace)
    {
        const int Outputs = 35, Inputs = 70, Rank = 5;
        float[] w = Random.Normal(Outputs * Inputs), a = Random.Normal(Rank * Inputs), b = Random.Normal(Outputs * Rank);
        float[] Run(IKernels k)
        {
            WeightMatrix from = k.Weight(w, Outputs, Inputs), to = inPlace ? from : k.CreateWeight(Outputs, Inputs);
            k.MergeLora(from, Place(k, a, Rank, Inputs), Place(k, b, Outputs, Rank), 0.25f, to);
            if (!inPlace) { Compare.SameBits(w, k.ReadWeight(from)); }
            return k.ReadWeight(to);
        }

        Compare.CloseToLargest(Run(Oracle), Run(Kernels), 1e-6, Random);
    }

    [SkippableTheory, InlineData(float.NaN), InlineData(float.PositiveInfinity)]
    public void Linear_NotFiniteRow_SpoilsThatRowOnly(float bad)
    {
        const int Rows = 9, Inputs = 65, Outputs = 37;
        float[] x = Random.Normal(Rows * Inputs), w = Random.Normal(Outputs * Inputs);
        x[4 * Inputs + 64] = bad;
        Tensor y = Space(Kernels, Rows, Outputs);
        Kernels.Linear(Place(Kernels, x, Rows, Inputs), Kernels.Weight(w, Outputs, Inputs), default, y);
        float[] values = Kernels.Read(y);
        for (int i = 0; i < values.Length; i++) { Assert.True(float.IsFinite(values[i]) == (i / Outputs != 4), $"element {i} is {values[i]}, {Random}"); }
    }

    [SkippableFact]
    public void EveryCall_WrongShape_IsRefusedByName()
    {
        WeightMatrix w = Kernels.CreateWeight(4, 6);
        Tensor x = Kernels.Allocate(DType.Float32, 3, 6), y = Kernels.Allocate(DType.Float32, 3, 4), bad = Kernels.Allocate(DType.Float32, 3, 5);
        Tensor ints = Kernels.Allocate(DType.Int32, 3, 6);
        Refuses("x", () => Kernels.Linear(bad, w, default, y));
        Refuses("x", () => Kernels.Linear(ints, w, default, y));
        Refuses("bias", () => Kernels.Linear(x, w, bad, y));
        Refuses("y", () => Kernels.Linear(x, w, default, bad));
        Refuses("y", () => Kernels.Linear(x, Kernels.CreateWeight(6, 6), default, x));
        Refuses("dy", () => Kernels.LinearBackwardInput(bad, w, x));
        Refuses("dx", () => Kernels.LinearBackwardInput(y, w, bad));
        Refuses("x", () => Kernels.LinearBackwardWeight(bad, y, w, default));
        Refuses("dy", () => Kernels.LinearBackwardWeight(x, bad, w, default));
        Refuses("dBias", () => Kernels.LinearBackwardWeight(x, y, w, bad));
        Refuses("source", () => Kernels.Pack(bad, w));
        Refuses("destination", () => Kernels.Unpack(w, bad));
        Refuses("a", () => Kernels.MergeLora(w, bad, bad, 1, w));
        Refuses("outputs", () => Kernels.CreateWeight(-1, 3));
    }

    // docs/numerics.md: 2^-22 sqrt(K) |x|.|w|, plus a rounding of the bias or old value that is added.
    private static double[] Bounds(int rows, int columns, int inner, Func<int, int, int, double> product)
    {
        double[] bounds = new double[rows * columns];
        for (int r = 0; r < rows; r++)
        {
            for (int c = 0; c < columns; c++)
            {
                double sum = 0;
                for (int k = 0; k < inner; k++) { sum += Math.Abs(product(r, c, k)); }
                bounds[r * columns + c] = Math.ScaleB(Math.Sqrt(inner) * sum, -22) + 1e-6;
            }
        }

        return bounds;
    }
}
