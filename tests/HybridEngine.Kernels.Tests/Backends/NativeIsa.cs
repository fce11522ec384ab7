using HybridEngine.Core;
using HybridEngine.Native;

namespace HybridEngine.Kernels.Tests;

/// <summary>Native kernels of one instruction set, where the library and this CPU have it.</summary>
internal static class NativeIsa
{
    public static string? WhyMissing(string isa)
    {
        NativeLibraryReport report = NativeLibraryReport.Current;
        if (!report.IsLoaded) { return report.ToString(); }
        return report.InstructionSets.Contains(isa) ? null : $"this CPU or build has no {isa}: {report}";
    }

    public static IKernels Open(string isa, int threads) => new NativeKernels(new NativeOptions { InstructionSet = isa, Threads = threads });
}
