using HybridEngine.Core;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Kernels.Tests;

/// <summary>ILinearKernels: a row's bits do not depend on the batch, nor anything on the number of threads.</summary>
public abstract class LinearInvarianceContract<TBackend> : KernelSuite<TBackend> where TBackend : IBackend
{
    [SkippableTheory, InlineData(300, 70), InlineData(64, 600), InlineData(1025, 33)]
    public void Linear_RowsAloneOrInAnyBatch_SameBits(int inputs, int outputs)
    {
        const int Rows = 37;
        float[] x = Random.Normal(Rows * inputs), bias = Random.Normal(outputs);
        WeightMatrix w = Kernels.Weight(Random.Normal(outputs * inputs), outputs, inputs);
        float[] Run(int start, int count)
        {
            Tensor y = Space(Kernels, count, outputs);
            Kernels.Linear(Place(Kernels, x.AsSpan(start * inputs, count * inputs), count, inputs), w, Kernels.Floats(bias), y);
            return Kernels.Read(y);
        }

        AssertSlices(Run, Rows, outputs);
    }

    [SkippableTheory, InlineData(300, 70), InlineData(64, 600)]
    public void LinearBackwardInput_RowsAloneOrInAnyBatch_SameBits(int inputs, int outputs)
    {
        const int Rows = 37;
        float[] dy = Random.Normal(Rows * outputs);
        WeightMatrix w = Kernels.Weight(Random.Normal(outputs * inputs), outputs, inputs);
        float[] Run(int start, int count)
        {
            Tensor dx = Space(Kernels, count, inputs);
            Kernels.LinearBackwardInput(Place(Kernels, dy.AsSpan(start * outputs, count * outputs), count, outputs), w, dx);
            return Kernels.Read(dx);
        }

        AssertSlices(Run, Rows, inputs);
    }

    [SkippableFact]
    public void EveryProduct_AnyNumberOfThreads_SameBits()
    {
        const int Rows = 67, Inputs = 260, Outputs = 150;
        float[] x = Random.Normal(Rows * Inputs), dy = Random.Normal(Rows * Outputs), w = Random.Normal(Outputs * Inputs), one = Random.Normal(Inputs);
        float[][] Run(int threads)
        {
            IKernels k = Open(threads);
            WeightMatrix weight = k.Weight(w, Outputs, Inputs), dw = k.Weight(w, Outputs, Inputs);
            Tensor y = Space(k, Rows, Outputs), single = Space(k, 1, Outputs), dx = Space(k, Rows, Inputs), dBias = k.Allocate(DType.Float32, Outputs);
            k.Linear(Place(k, x, Rows, Inputs), weight, default, y);
            k.Linear(Place(k, one, 1, Inputs), weight, default, single);
            k.LinearBackwardInput(Place(k, dy, Rows, Outputs), weight, dx);
            k.LinearBackwardWeight(Place(k, x, Rows, Inputs), Place(k, dy, Rows, Outputs), dw, dBias);
            return [k.Read(y), k.Read(single), k.Read(dx), k.ReadWeight(dw), k.Read(dBias)];
        }

        float[][] expected = Run(1);
        foreach (int threads in new[] { 2, 3 })
        {
            float[][] actual = Run(threads);
            for (int i = 0; i < expected.Length; i++) { Compare.SameBits(expected[i], actual[i], $"output {i}, {threads} threads, {Random}"); }
        }
    }

    // The whole batch against each row alone and against uneven pieces.
    private void AssertSlices(Func<int, int, float[]> run, int rows, int width)
    {
        float[] whole = run(0, rows);
        for (int r = 0; r < rows; r++) { Compare.SameBits(whole.AsSpan(r * width, width), run(r, 1), $"row {r} alone, {Random}"); }
        foreach (int size in new[] { 2, 3, 5, 8, 16, 31 })
        {
            for (int start = 0; start < rows; start += size)
            {
                int count = Math.Min(size, rows - start);
                Compare.SameBits(whole.AsSpan(start * width, count * width), run(start, count), $"rows {start} to {start + count}, {Random}");
            }
        }
    }
}
