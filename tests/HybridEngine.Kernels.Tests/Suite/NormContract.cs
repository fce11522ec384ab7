using HybridEngine.Core;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Kernels.Tests;

/// <summary>INormKernels.</summary>
public abstract class NormContract<TBackend> : KernelSuite<TBackend> where TBackend : IBackend
{
    private const double ForwardBound = 4e-6, BackwardBound = 1e-5;

    public static TheoryData<NormKind, int, int> Sizes
    {
        get
        {
            TheoryData<NormKind, int, int> data = [];
            foreach (NormKind kind in Enum.GetValues<NormKind>())
            {
                foreach ((int rows, int width) in new[] { (0, 7), (1, 1), (3, 15), (2, 16), (5, 17), (3, 31), (4, 33), (2, 255), (130, 256), (65, 257), (3, 513) }) { data.Add(kind, rows, width); }
            }

            return data;
        }
    }

    [SkippableTheory, MemberData(nameof(Sizes))]
    public void Norm_EveryOption_AgreesWithReference(NormKind kind, int rows, int width)
    {
        Inputs input = new(Random, rows, width);
        foreach (bool residual in new[] { false, true })
        {
            foreach (bool optional in new[] { false, true })
            {
                NormOptions options = new(kind, 1e-5f, optional ? 1 : 0);
                float[][] expected = Run(Oracle, input, residual, optional, optional, options), actual = Run(Kernels, input, residual, optional, optional, options);
                string context = $"residual {residual}, bias and statistics {optional}, {Random}";
                // Beside the value, relative to a normalised element, which is near 1: weight + offset may nearly cancel.
                Compare.Close(expected[0], actual[0], ForwardBound, ForwardBound, context);
                Compare.SameBits(expected[1], actual[1], "sum, " + context);
                Compare.Close(expected[2], actual[2], 1e-6, 4e-6, "statistics, " + context);
            }
        }
    }

    [SkippableTheory, MemberData(nameof(Sizes))]
    public void NormBackward_EveryOption_AgreesWithReference(NormKind kind, int rows, int width)
    {
        Inputs input = new(Random, rows, width);
        float[] statistics = Run(Oracle, input, false, false, true, new NormOptions(kind, 1e-5f))[2];
        foreach (bool accumulate in new[] { false, true })
        {
            foreach (bool optional in new[] { false, true })
            {
                NormOptions options = new(kind, 1e-5f, accumulate ? 1 : 0);
                float[][] expected = RunBackward(Oracle, input, statistics, optional, accumulate, options), actual = RunBackward(Kernels, input, statistics, optional, accumulate, options);
                string context = $"accumulate {accumulate}, weight gradients {optional}, {Random}";
                // Relative to the terms that are subtracted from each other, which at width 1 nearly cancel.
                double terms = Enumerable.Range(0, rows * width).Select(i => Math.Abs(input.Dy[i] * ((double)input.Weight[i % width] + options.WeightOffset) * statistics[i / width * 2 + 1])).DefaultIfEmpty().Max();
                Compare.Close(expected[0], actual[0], BackwardBound * terms, 1e-6, "dSum, " + context);
                Compare.CloseToLargest(expected[1], actual[1], BackwardBound, "dWeight, " + context);
                Compare.CloseToLargest(expected[2], actual[2], BackwardBound, "dBias, " + context);
            }
        }
    }

    [SkippableTheory, InlineData(NormKind.Rms), InlineData(NormKind.Layer)]
    public void Norm_InPlaceForms_GiveTheSameBits(NormKind kind)
    {
        const int Rows = 5, Width = 37;
        Inputs input = new(Random, Rows, Width);
        NormOptions options = new(kind, 1e-6f);
        float[][] apart = Run(Kernels, input, true, false, false, options), alone = Run(Kernels, input, false, false, false, options);
        Tensor weight = Kernels.Floats(input.Weight);

        Tensor x = Place(Kernels, input.X, Rows, Width);
        Kernels.Norm(x, default, weight, default, options, default, x, default);
        Compare.SameBits(alone[0], Kernels.Read(x), "y is x");

        foreach (bool sumIsX in new[] { true, false })
        {
            x = Place(Kernels, input.X, Rows, Width);
            Tensor residual = Place(Kernels, input.Residual, Rows, Width), y = Space(Kernels, Rows, Width), sum = sumIsX ? x : residual;
            Kernels.Norm(x, residual, weight, default, options, sum, y, default);
            Compare.SameBits(apart[0], Kernels.Read(y), $"sum is {(sumIsX ? "x" : "residual")}");
            Compare.SameBits(apart[1], Kernels.Read(sum), $"sum is {(sumIsX ? "x" : "residual")}");
        }
    }

    [SkippableTheory, InlineData(NormKind.Rms), InlineData(NormKind.Layer)]
    public void NormBackward_IntoDy_GivesTheSameBits(NormKind kind)
    {
        const int Rows = 5, Width = 37;
        Inputs input = new(Random, Rows, Width);
        NormOptions options = new(kind, 1e-6f);
        float[] statistics = Run(Oracle, input, false, false, true, options)[2];
        Tensor dy = Place(Kernels, input.Dy, Rows, Width), dWeight = Kernels.Floats(input.Weight), dBias = Kernels.Floats(input.Bias);
        Kernels.NormBackward(dy, Place(Kernels, input.X, Rows, Width), Kernels.Floats(input.Weight), Place(Kernels, statistics, Rows, 2), options, dy, dWeight, dBias);
        float[][] expected = RunBackward(Kernels, input, statistics, true, false, options);
        Compare.SameBits(expected[0], Kernels.Read(dy), "dSum");
        Compare.SameBits(expected[1], Kernels.Read(dWeight), "dWeight");
        Compare.SameBits(expected[2], Kernels.Read(dBias), "dBias");
    }

    [SkippableFact]
    public void Norm_HandMade_IsRight()
    {
        // mean((3,4)^2) = 12.5; the mean of (1, 3) is 2, its population deviation 1.
        Tensor rms = Space(Kernels, 1, 2), layer = Space(Kernels, 1, 2), statistics = Space(Kernels, 1, 2);
        Kernels.Norm(Place(Kernels, [3, 4], 1, 2), default, Kernels.Floats([1, 2]), default, new NormOptions(NormKind.Rms, 0), default, rms, default);
        Kernels.Norm(Place(Kernels, [1, 3], 1, 2), default, Kernels.Floats([1, 2]), Kernels.Floats([10, 20]), new NormOptions(NormKind.Layer, 0), default, layer, statistics);
        Compare.Close([0.848528137f, 2.262741700f], Kernels.Read(rms), 0, 1e-6);
        Compare.Close([9, 22], Kernels.Read(layer), 0, 1e-6);
        Compare.Close([2, 1], Kernels.Read(statistics), 0, 1e-6);
    }

    [SkippableFact]
    public void Norm_LayerFarFromZero_KeepsTheVariance()
    {
        const int Width = 4096;
        float[] x = [.. Random.Normal(Width).Select(v => v + 3000)];
        Tensor y = Space(Kernels, 1, Width);
        Tensor weight = Kernels.Floats([.. Enumerable.Repeat(1f, Width)]);
        Kernels.Norm(Place(Kernels, x, 1, Width), default, weight, default, new NormOptions(NormKind.Layer, 1e-5f), default, y, default);
        double variance = Kernels.Read(y).Sum(v => (double)v * v) / Width;
        Assert.InRange(variance, 0.999, 1.001);
    }

    [SkippableTheory, InlineData(NormKind.Rms), InlineData(NormKind.Layer)]
    public void NormBackward_AgainstFiniteDifferences_Agrees(NormKind kind)
    {
        const int Rows = 2, Width = 7;
        Inputs input = new(Random, Rows, Width);
        for (int i = 0; i < input.X.Length; i++) { input.X[i] += Math.Sign(input.X[i]); }
        NormOptions options = new(kind, 1e-5f, 0.5f);
        float[] Forward() => Run(Oracle, input, false, true, true, options)[0];
        float[] statistics = Run(Oracle, input, false, true, true, options)[2];
        Tensor dx = Space(Kernels, Rows, Width), dWeight = Kernels.Allocate(DType.Float32, Width), dBias = Kernels.Allocate(DType.Float32, Width);
        Kernels.NormBackward(Place(Kernels, input.Dy, Rows, Width), Place(Kernels, input.X, Rows, Width), Kernels.Floats(input.Weight), Place(Kernels, statistics, Rows, 2), options, dx, dWeight, dBias);
        FiniteDifferences.Check(input.X, Forward, input.Dy, Kernels.Read(dx), $"dx, {Random}");
        FiniteDifferences.Check(input.Weight, Forward, input.Dy, Kernels.Read(dWeight), $"dWeight, {Random}");
        FiniteDifferences.Check(input.Bias, Forward, input.Dy, Kernels.Read(dBias), $"dBias, {Random}");
    }

    [SkippableTheory, InlineData(NormKind.Rms), InlineData(NormKind.Layer)]
    public void Norm_RowAloneOrInBatch_SameBits(NormKind kind)
    {
        const int Rows = 70, Width = 165;
        Inputs input = new(Random, Rows, Width);
        NormOptions options = new(kind, 1e-5f);
        float[][] whole = Run(Kernels, input, true, true, true, options);
        float[] wholeBackward = RunBackward(Kernels, input, whole[2], false, false, options)[0];
        for (int r = 0; r < Rows; r += 7)
        {
            Inputs row = input.Row(r, Width);
            float[][] alone = Run(Kernels, row, true, true, true, options);
            Compare.SameBits(whole[0].AsSpan(r * Width, Width), alone[0], $"row {r}, {Random}");
            Compare.SameBits(wholeBackward.AsSpan(r * Width, Width), RunBackward(Kernels, row, whole[2][(2 * r)..(2 * r + 2)], false, false, options)[0], $"dSum of row {r}, {Random}");
        }
    }

    [SkippableTheory, InlineData(NormKind.Rms), InlineData(NormKind.Layer)]
    public void Norm_NotFiniteRow_SpoilsThatRowOnly(NormKind kind)
    {
        const int Rows = 3, Width = 33;
        Inputs input = new(Random, Rows, Width);
        input.X[Width + 32] = float.NaN;
        float[] y = Run(Kernels, input, false, true, false, new NormOptions(kind, 1e-5f))[0];
        for (int i = 0; i < y.Length; i++) { Assert.True(float.IsNaN(y[i]) == (i / Width == 1), $"element {i} is {y[i]}, {Random}"); }
    }

    [SkippableFact]
    public void EveryCall_WrongArgument_IsRefusedByName()
    {
        Tensor x = Kernels.Allocate(DType.Float32, 2, 4), y = Kernels.Allocate(DType.Float32, 2, 4), w = Kernels.Allocate(DType.Float32, 4), bad = Kernels.Allocate(DType.Float32, 2, 3);
        Tensor statistics = Kernels.Allocate(DType.Float32, 2, 2);
        NormOptions rms = new(NormKind.Rms, 1e-5f);
        Refuses("weight", () => Kernels.Norm(x, default, bad, default, rms, default, y, default));
        Refuses("bias", () => Kernels.Norm(x, default, w, bad, rms, default, y, default));
        Refuses("residual", () => Kernels.Norm(x, bad, w, default, rms, x, y, default));
        Refuses("sum", () => Kernels.Norm(x, y, w, default, rms, default, Kernels.Allocate(DType.Float32, 2, 4), default));
        Refuses("y", () => Kernels.Norm(x, default, w, default, rms, default, bad, default));
        Refuses("statistics", () => Kernels.Norm(x, default, w, default, rms, default, y, bad));
        Refuses("options.Epsilon", () => Kernels.Norm(x, default, w, default, rms with { Epsilon = -1 }, default, y, default));
        Refuses("sum", () => Kernels.NormBackward(x, bad, w, statistics, rms, y, default, default));
        Refuses("statistics", () => Kernels.NormBackward(x, x, w, bad, rms, y, default, default));
        Refuses("dWeight", () => Kernels.NormBackward(x, Kernels.Allocate(DType.Float32, 2, 4), w, statistics, rms, y, bad, default));
    }

    // y, sum, statistics
    private float[][] Run(IKernels k, Inputs input, bool residual, bool bias, bool statistics, NormOptions options)
    {
        Tensor y = Space(k, input.Rows, input.Width), sum = residual ? Space(k, input.Rows, input.Width) : default, kept = statistics ? Space(k, input.Rows, 2) : default;
        k.Norm(Place(k, input.X, input.Rows, input.Width), residual ? Place(k, input.Residual, input.Rows, input.Width) : default, k.Floats(input.Weight),
            bias ? k.Floats(input.Bias) : default, options, sum, y, kept);
        return [k.Read(y), residual ? k.Read(sum) : [], statistics ? k.Read(kept) : []];
    }

    // dSum, dWeight, dBias
    private float[][] RunBackward(IKernels k, Inputs input, float[] statistics, bool weightGradients, bool accumulate, NormOptions options)
    {
        Tensor dSum = accumulate ? Place(k, input.Residual, input.Rows, input.Width) : Space(k, input.Rows, input.Width), dWeight = k.Floats(input.Weight), dBias = k.Floats(input.Bias);
        k.NormBackward(Place(k, input.Dy, input.Rows, input.Width), Place(k, input.X, input.Rows, input.Width), k.Floats(input.Weight), Place(k, statistics, input.Rows, 2), options,
            dSum, weightGradients ? dWeight : default, weightGradients ? dBias : default, accumulate);
        return [k.Read(dSum), k.Read(dWeight), k.Read(dBias)];
    }

    private sealed record Inputs(int Rows, int Width, float[] X, float[] Residual, float[] Weight, float[] Bias, float[] Dy)
    {
        public Inputs(TestRandom random, int rows, int width)
            : this(rows, width, random.Normal(rows * width), random.Normal(rows * width), random.Normal(width), random.Normal(width), random.Normal(rows * width)) { }

        public Inputs Row(int r, int width) => new(1, width, X[(r * width)..((r + 1) * width)], Residual[(r * width)..((r + 1) * width)], Weight, Bias, Dy[(r * width)..((r + 1) * width)]);
    }
}
