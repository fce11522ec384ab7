using HybridEngine.Core;
using Xunit;

namespace HybridEngine.Native.Tests;

public sealed class NativeKernelsTests
{
    [SkippableFact]
    public void Create_InstructionSetIsNonsense_NamesWhatThereIs()
    {
        Repository.RequireNativeLibrary();
        HybridEngineException e = Assert.Throws<HybridEngineException>(() => new NativeKernels(new NativeOptions { InstructionSet = "mmx" }));
        Assert.Contains("'mmx'", e.Message, StringComparison.Ordinal);
        Assert.Contains("scalar", e.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void Create_ThreadsAreNegative_IsRefused()
    {
        Repository.RequireNativeLibrary();
        Assert.Throws<InvalidInputException>(() => new NativeKernels(new NativeOptions { Threads = -1 }));
    }

    [SkippableFact]
    public void Create_EveryInstructionSetOfTheReport_Runs()
    {
        Repository.RequireNativeLibrary();
        Assert.Contains("scalar", NativeLibraryReport.Current.InstructionSets);
        foreach (string isa in NativeLibraryReport.Current.InstructionSets)
        {
            using NativeKernels kernels = new(new NativeOptions { InstructionSet = isa, Threads = 2 });
            Assert.Equal($"cpu ({isa}, 2 threads)", kernels.Description);
            Assert.Equal("f32-fma16-v2", kernels.NumericVariant);
        }
    }

    [SkippableFact]
    public void Copy_StridedRows_MovesOnlyThem()
    {
        Repository.RequireNativeLibrary();
        using NativeKernels kernels = new();
        Tensor source = kernels.Allocate(DType.Float32, 3, 5), destination = kernels.Allocate(DType.Float32, 3, 7);
        kernels.Upload<float>(Enumerable.Range(1, 15).Select(i => (float)i).ToArray(), source);
        kernels.Copy(source.Slice(1, 1, 3), destination.Slice(1, 2, 3));
        float[] got = new float[21];
        kernels.Download(destination, got.AsSpan());
        Assert.Equal([0, 0, 2, 3, 4, 0, 0, 0, 0, 7, 8, 9, 0, 0, 0, 0, 12, 13, 14, 0, 0], got);
        kernels.Zero(destination.Slice(1, 3, 1));
        kernels.Download(destination, got.AsSpan());
        Assert.Equal([0, 0, 2, 0, 4, 0, 0, 0, 0, 7, 0, 9, 0, 0, 0, 0, 12, 0, 14, 0, 0], got);
    }

    [SkippableFact]
    public void Upload_LengthDiffers_NamesTheArgument()
    {
        Repository.RequireNativeLibrary();
        using NativeKernels kernels = new();
        Tensor t = kernels.Allocate(DType.Float32, 3);
        Assert.Equal("destination", Assert.Throws<ArgumentException>(() => kernels.Upload<float>(new float[4], t)).ParamName);
        Assert.Equal("source", Assert.Throws<ArgumentException>(() => kernels.Download(t, new double[3].AsSpan())).ParamName);
    }
}
