using HybridEngine.Core;
using HybridEngine.Cuda;
using HybridEngine.Native;
using HybridEngine.Reference;

namespace HybridEngine;

/// <summary>The backends of this build, by name; the only place that knows which exist.</summary>
public static class Backends
{
    /// <summary>The best that works here.</summary>
    public const string Auto = "auto";

    /// <summary>Our native kernels on the CPU.</summary>
    public const string Cpu = "cpu";

    /// <summary>Our CUDA kernels on an NVIDIA GPU.</summary>
    public const string Cuda = "cuda";

    /// <summary>Plain C# loops: slow, everywhere.</summary>
    public const string Reference = "reference";

    /// <summary>Opens a backend.</summary>
    /// <param name="name"><c>auto</c>, <c>cpu</c>, <c>cuda</c> or <c>reference</c>. <c>auto</c> takes <c>cpu</c>, and <c>reference</c> with a warning where no native library loads.</param>
    /// <param name="threads">CPU threads; 0 is one for each CPU of this process.</param>
    /// <param name="report">Which was taken and what was tried.</param>
    /// <exception cref="HybridEngineException">The name is unknown, this build has no such backend, or its library does not load; the message says what was tried.</exception>
    public static IKernels Open(string name, int threads, out BackendReport report)
    {
        if (threads is < 0 or > 1024) { throw new InvalidInputException("threads", $"{threads}", "0 (all CPUs of this process) to 1024"); }
        switch (name)
        {
            case Cpu:
                RequireNative();
                return Report(Cpu, new NativeKernels(new NativeOptions { Threads = threads }), null, out report);
            case Reference:
                return Report(Reference, new ReferenceKernels(), null, out report);
            case Auto:
                if (NativeLibraryReport.Current.IsLoaded) { goto case Cpu; }
                string warning = $"no native library loads, running on plain C# loops, which is far slower ({NativeLibraryReport.Current})";
                return Report(Reference, new ReferenceKernels(), warning, out report);
            case Cuda:
                return Report(Cuda, new CudaKernels(), null, out report);
            case "ilgpu":
                throw new UnsupportedException("backend", $"{name} in this build", "auto, cpu, cuda, reference");
            default:
                throw new InvalidInputException("backend", $"'{name}'", "auto, cpu, cuda or reference");
        }
    }

    /// <summary>What is there, without opening anything.</summary>
    public static IReadOnlyList<BackendProbe> Probe()
    {
        NativeLibraryReport native = NativeLibraryReport.Current;
        return
        [
            new(Cpu, native.IsLoaded, native.ToString()),
            new(Reference, true, "plain C# loops, sums in float64"),
            new(Cuda, CudaProbe.Current.IsAvailable, CudaProbe.Current.Detail),
            new("ilgpu", false, "not in this build"),
        ];
    }

    private static void RequireNative()
    {
        NativeLibraryReport native = NativeLibraryReport.Current;
        if (!native.IsLoaded) { throw new HybridEngineException($"backend cpu: {native}; 'reference' runs everywhere, slowly"); }
    }

    private static IKernels Report(string name, IKernels kernels, string? warning, out BackendReport report)
    {
        report = new BackendReport(name, kernels.Description, Probe(), warning);
        return kernels;
    }
}
