using HybridEngine.Core;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Cuda.Tests;

/// <summary>The device behind the kernels: memory, transfers, threads, errors.</summary>
public sealed class CudaKernelsTests
{
    [SkippableFact]
    public void Upload_LargerThanTheStaging_ArrivesWhole()
    {
        using CudaKernels kernels = Open(new CudaOptions { StagingBytes = 32 << 10 });
        float[] values = new TestRandom().Normal(100_003);
        Tensor t = kernels.Allocate(DType.Float32, values.Length);
        kernels.Upload<float>(values, t);
        float[] back = new float[values.Length];
        kernels.Download(t, back.AsSpan());
        Compare.SameBits(values, back);
    }

    [SkippableFact]
    public void Upload_SourceChangesAtOnce_SendsWhatWasThere()
    {
        using CudaKernels kernels = Open();
        float[] source = [1, 2, 3];
        Tensor t = kernels.Allocate(DType.Float32, 3);
        kernels.Upload<float>(source, t);
        Array.Fill(source, -1);
        float[] back = new float[3];
        kernels.Download(t, back.AsSpan());
        Assert.Equal([1, 2, 3], back);
    }

    [SkippableFact]
    public void Allocate_AfterDispose_IsTheSameMemoryCleared()
    {
        using CudaKernels kernels = Open();
        Tensor first = kernels.Allocate(DType.Int32, 100);
        kernels.Upload<int>(Enumerable.Range(1, 100).ToArray(), first);
        nint address = first.Address;
        first.Memory!.Dispose();
        Tensor second = kernels.Allocate(DType.Int32, 90);
        int[] values = new int[90];
        kernels.Download(second, values.AsSpan());
        Assert.Equal(address, second.Address);
        Assert.All(values, v => Assert.Equal(0, v));
    }

    [SkippableFact]
    public void Allocate_MoreThanThereIs_SaysWhatIsInUse()
    {
        using CudaKernels kernels = Open();
        HybridEngineException e = Assert.Throws<HybridEngineException>(() => kernels.Allocate(DType.UInt8, 1L << 50));
        Assert.Contains("cannot allocate 1125899906842624 bytes", e.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Calls_FromAnotherThread_FindTheContext()
    {
        using CudaKernels kernels = Open();
        Tensor t = kernels.Allocate(DType.Float32, 2);
        await Task.Factory.StartNew(() => kernels.Upload<float>([5, 6], t), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        float[] back = new float[2];
        kernels.Download(t, back.AsSpan());
        Assert.Equal([5, 6], back);
    }

    [SkippableFact]
    public void Open_NumberThatIsNone_NamesThoseThatAre()
    {
        Skip.If(EmulatedDriver.WhyMissing is not null, EmulatedDriver.WhyMissing);
        InvalidInputException e = Assert.Throws<InvalidInputException>(() => new CudaKernels(new CudaOptions { Device = 1000 }));
        Assert.Contains("found 1000, expected one of 0", e.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void Norm_EveryOption_IsTheFormula()
    {
        using CudaKernels kernels = Open();
        TestRandom random = new();
        const int Rows = 3, Width = 70;
        float[] x = random.Normal(Rows * Width), weight = random.Normal(Width), y = new float[Rows * Width];
        Tensor device = Upload(kernels, x, Rows, Width);
        kernels.Norm(device, default, Upload(kernels, weight, Width), default, new NormOptions(NormKind.Rms, 1e-5f), default, device, default);
        kernels.Download(device, y.AsSpan());
        double[] expected = [.. x.Select((v, i) => v * weight[i % Width] / Math.Sqrt(x.Skip(i / Width * Width).Take(Width).Sum(u => (double)u * u) / Width + 1e-5f))];
        for (int i = 0; i < y.Length; i++) { Assert.True(Math.Abs(y[i] - expected[i]) <= 1e-5, $"element {i} is {y[i]}, expected {expected[i]}, {random}"); }
    }

    internal static CudaKernels Open(CudaOptions? options = null)
    {
        Skip.If(EmulatedDriver.WhyMissing is not null, EmulatedDriver.WhyMissing);
        return new CudaKernels(options);
    }

    private static Tensor Upload(CudaKernels kernels, float[] values, params ReadOnlySpan<long> extents)
    {
        Tensor t = kernels.Allocate(DType.Float32, extents);
        kernels.Upload<float>(values, t);
        return t;
    }
}
