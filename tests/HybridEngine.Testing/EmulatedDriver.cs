namespace HybridEngine.Testing;

/// <summary>The CUDA driver without a GPU (native/cuda/driver), for this test process: libcuda's names over the emulator.</summary>
public static class EmulatedDriver
{
    /// <summary>Environment variable that names the driver; a test run on a GPU sets it to that one's.</summary>
    public const string Variable = "HE_CUDA_DRIVER";

    private static readonly Lazy<string?> _whyMissing = new(Choose);

    /// <summary>Null when CUDA calls of this process will go to a driver; else why there is none. Chooses it; call before the first CUDA call.</summary>
    public static string? WhyMissing => _whyMissing.Value;

    /// <summary>The library that the native build makes.</summary>
    public static string Library => RepoRoot.Combine("artifacts", "native", "cuda", "libhe_cuda_driver.so");

    private static string? Choose()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 }) { return null; }
        if (!File.Exists(Library)) { return $"{Library}: no such file (the native build makes it, on Linux)"; }
        Environment.SetEnvironmentVariable(Variable, Library);
        return null;
    }
}
