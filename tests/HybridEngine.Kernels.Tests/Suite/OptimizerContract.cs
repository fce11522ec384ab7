using HybridEngine.Core;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Kernels.Tests;

/// <summary>IOptimizerKernels.</summary>
public abstract class OptimizerContract<TBackend> : KernelSuite<TBackend> where TBackend : IBackend
{
    private static readonly AdamWStep Step = new(1e-2, 0.9, 0.95, 1e-8, 0.1, 3);

    [SkippableTheory, InlineData(0), InlineData(1), InlineData(15), InlineData(17), InlineData(257), InlineData(5000)]
    public void AdamW_FreshInputs_AgreesWithReference(int n)
    {
        float[] p = Random.Normal(n), g = Random.Normal(n), m = Random.Normal(n, 0.1), v = Random.Uniform(n, 0, 0.1);
        foreach (float scale in new[] { float.NaN, 0.25f })
        {
            float[][] Run(IKernels k)
            {
                Tensor parameter = k.Floats(p), gradient = k.Floats(g), first = k.Floats(m), second = k.Floats(v);
                k.AdamW(parameter, gradient, first, second, Step, float.IsNaN(scale) ? default : k.Floats([scale]));
                Compare.SameBits(g, k.Read(gradient), "the gradient stays");
                return [k.Read(parameter), k.Read(first), k.Read(second)];
            }

            float[][] expected = Run(Oracle), actual = Run(Kernels);
            for (int i = 0; i < 3; i++) { Compare.Close(expected[i], actual[i], 1e-7, 1e-6, $"output {i}, {n} elements, scale {scale}, {Random}"); }
        }
    }

    [SkippableFact]
    public void AdamW_FirstStep_MovesByTheLearningRate()
    {
        // At step 1 the corrected moments are g and g^2, so that p falls by lr * sign(g) after the decay: 2 * (1 - 0.1 * 0.5) - 0.1 = 1.8.
        Tensor p = Kernels.Floats([2, 2]), m = Kernels.Allocate(DType.Float32, 2), v = Kernels.Allocate(DType.Float32, 2);
        Kernels.AdamW(p, Kernels.Floats([4, -4]), m, v, new AdamWStep(0.1, 0.9, 0.999, 0, 0.5, 1), default);
        Compare.Close([1.8f, 2.0f], Kernels.Read(p), 0, 1e-6);
        Compare.Close([0.4f, -0.4f], Kernels.Read(m), 0, 1e-6);
        Compare.Close([0.016f, 0.016f], Kernels.Read(v), 0, 1e-6);
    }

    [SkippableFact]
    public void AdamW_AllZero_StaysZero()
    {
        // Padding of a weight: gradient, moments and value are 0.
        Tensor[] t = [.. Enumerable.Range(0, 4).Select(_ => Kernels.Allocate(DType.Float32, 50))];
        Kernels.AdamW(t[0], t[1], t[2], t[3], Step, Kernels.Floats([0.5f]));
        Assert.All(t, tensor => Assert.All(Kernels.Read(tensor), value => Assert.Equal(0, value)));
    }

    [SkippableFact]
    public void SquaredNorm_ManyTensors_IsTheSumAndDoesNotDependOnThreads()
    {
        float[][] values = [Random.Normal(1), [], Random.Normal(4095), Random.Normal(4097), Random.Normal(100_001)];
        double expected = values.Sum(t => t.Sum(v => (double)v * v));
        double Run(IKernels k)
        {
            Tensor result = k.Allocate(DType.Float64, 1);
            k.SquaredNorm([.. values.Select(v => k.Floats(v))], result);
            return k.Read<double>(result)[0];
        }

        double one = Run(Open(1));
        Assert.Equal(1, one / expected, 1e-9);
        Assert.Equal(one, Run(Open(2)));
        Assert.Equal(one, Run(Open(3)));
    }

    [SkippableTheory, InlineData(4.0, 1.0, 0.4999997), InlineData(0.25, 1.0, 1.0), InlineData(100.0, 0.0, 1.0), InlineData(100.0, -1.0, 1.0), InlineData(double.PositiveInfinity, 1.0, double.NaN),
        InlineData(double.NaN, 1.0, double.NaN), InlineData(double.NaN, 0.0, double.NaN), InlineData(0.0, 1.0, 1.0)]
    public void ClipCoefficient_AsPyTorch(double squaredNorm, double maxNorm, double expected)
    {
        Tensor norm = Kernels.Allocate(DType.Float64, 1), coefficient = Kernels.Allocate(DType.Float32, 1);
        Kernels.Upload([squaredNorm], norm);
        Kernels.ClipCoefficient(norm, maxNorm, coefficient);
        Compare.Close([(float)expected], Kernels.Read(coefficient), 0, 2e-7);
    }

    [SkippableFact]
    public void EveryCall_WrongArgument_IsRefusedByName()
    {
        Tensor a = Kernels.Allocate(DType.Float32, 4), b = Kernels.Allocate(DType.Float32, 4), bad = Kernels.Allocate(DType.Float32, 5), norm = Kernels.Allocate(DType.Float64, 1);
        Refuses("gradient", () => Kernels.AdamW(a, bad, b, b, Step, default));
        Refuses("m", () => Kernels.AdamW(a, b, bad, b, Step, default));
        Refuses("gradientScale", () => Kernels.AdamW(a, b, b, b, Step, bad));
        Refuses("step.Step", () => Kernels.AdamW(a, b, b, b, Step with { Step = 0 }, default));
        Refuses("step.LearningRate", () => Kernels.AdamW(a, b, b, b, Step with { LearningRate = double.NaN }, default));
        Refuses("step.Beta1", () => Kernels.AdamW(a, b, b, b, Step with { Beta1 = 1 }, default));
        Refuses("result", () => Kernels.SquaredNorm([a], bad));
        Refuses("tensors[1]", () => Kernels.SquaredNorm([a, Kernels.Allocate(DType.Int32, 4)], norm));
        Refuses("coefficient", () => Kernels.ClipCoefficient(norm, 1, bad));
    }
}
