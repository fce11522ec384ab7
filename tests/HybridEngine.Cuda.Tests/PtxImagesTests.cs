using System.Runtime.CompilerServices;
using System.Text;
using System.Text.RegularExpressions;
using HybridEngine.Core;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Cuda.Tests;

/// <summary>The PTX inside the assembly, where the native build had a compiler for it.</summary>
public sealed class PtxImagesTests
{
    private static readonly CudaDeviceInfo _ampere = new(0, "a GPU", 8, 6, 80, 1L << 34), _later = _ampere with { Major = 12, Minor = 0 };

    [SkippableFact]
    public void EverySource_IsInside()
    {
        Skip.IfNot(PtxImages.Any, "this build holds no PTX");
        string[] sources = [.. Directory.GetFiles(RepoRoot.Combine("native", "cuda"), "*.cu", SearchOption.AllDirectories).Select(f => $"{Path.GetFileName(Path.GetDirectoryName(f))}.{Path.GetFileNameWithoutExtension(f)}")];
        Assert.NotEmpty(sources);
        Assert.All(sources, s => Assert.Contains(PtxImages.Names, n => n.StartsWith(s + ".sm_", StringComparison.Ordinal)));
    }

    [SkippableFact]
    public void Load_DeviceBetweenArchitectures_TakesTheOneBelow()
    {
        Skip.IfNot(PtxImages.Any, "this build holds no PTX");
        byte[] image = PtxImages.Load("norm.norm", _ampere);
        Assert.Equal(0, image[^1]);
        Assert.Contains(".target sm_80", Encoding.UTF8.GetString(image), StringComparison.Ordinal);
        Assert.Contains(".target sm_90", Encoding.UTF8.GetString(PtxImages.Load("norm.norm", _later)), StringComparison.Ordinal);
    }

    [Fact]
    public void Load_UnknownSource_SaysWhatIsMissing()
    {
        HybridEngineException e = Assert.Throws<HybridEngineException>(() => PtxImages.Load("no.such", _ampere));
        Assert.Contains("no PTX of no.such for sm_86", e.Message, StringComparison.Ordinal);
    }

    // A launcher that names a kernel of another file, or one that is gone, would only be found on a GPU: the emulating driver does not ask for the module.
    [SkippableFact]
    public void EveryLaunchedKernel_IsInItsModule()
    {
        Skip.IfNot(PtxImages.Any, "this build holds no PTX");
        RuntimeHelpers.RunClassConstructor(typeof(CudaKernels).TypeHandle);
        Assert.NotEmpty(Kernel.All);
        foreach (Kernel kernel in Kernel.All)
        {
            string ptx = Encoding.UTF8.GetString(PtxImages.Load(kernel.Module, _ampere));
            Match entry = Regex.Match(ptx, $@"\.entry {kernel.Name}\(.*?\.maxntid (\d+)", RegexOptions.Singleline);
            Assert.True(entry.Success, $"{kernel.Name} is not in {kernel.Module}");
            Assert.Equal($"{kernel.Threads}", entry.Groups[1].Value);
        }
    }
}
