using HybridEngine.Core;
using HybridEngine.Native;
using Xunit;

namespace HybridEngine.Tests;

public sealed class BackendsTests
{
    [Theory]
    [InlineData("ilgpu")]
    public void Open_BackendOfAnotherBuild_NamesItAndWhatIsThere(string name)
    {
        UnsupportedException e = Assert.Throws<UnsupportedException>(() => Backends.Open(name, 0, out _));
        Assert.Contains(name, e.Message, StringComparison.Ordinal);
        Assert.Contains("cpu", e.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void Open_CudaWithoutAGpu_SaysWhatWasTried()
    {
        BackendProbe probe = Backends.Probe().Single(p => p.Name == Backends.Cuda);
        Skip.If(probe.Available, probe.Detail);
        HybridEngineException e = Assert.Throws<HybridEngineException>(() => Backends.Open(Backends.Cuda, 0, out _));
        Assert.Equal($"backend cuda: {probe.Detail}", e.Message);
    }

    [Fact]
    public void Open_UnknownName_SaysWhatIsThere() => Assert.Equal("backend", Assert.Throws<InvalidInputException>(() => Backends.Open("gpu", 0, out _)).Input);

    [Fact]
    public void Open_TooManyThreads_SaysSo() => Assert.Equal("threads", Assert.Throws<InvalidInputException>(() => Backends.Open("reference", 5000, out _)).Input);

    [Fact]
    public void Open_Auto_TakesNativeOrFallsBackWithAWarningThatSaysWhatWasTried()
    {
        using IKernels kernels = Backends.Open(Backends.Auto, 1, out BackendReport report);
        Assert.Equal(kernels.Description, report.Description);
        if (NativeLibraryReport.Current.IsLoaded)
        {
            Assert.Equal((Backends.Cpu, null), (report.Name, report.Warning));
        }
        else
        {
            Assert.Equal(Backends.Reference, report.Name);
            Assert.Contains("tried", report.Warning, StringComparison.Ordinal);
        }

        Assert.Equal(NativeLibraryReport.Current.IsLoaded, report.Probes.Single(p => p.Name == Backends.Cpu).Available);
        Assert.True(report.Probes.Single(p => p.Name == Backends.Reference).Available);
    }
}
