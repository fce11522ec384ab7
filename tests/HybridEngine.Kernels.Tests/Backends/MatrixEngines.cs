using HybridEngine.Core;
using HybridEngine.Native;

namespace HybridEngine.Kernels.Tests;

/// <summary>The native library with one matrix engine, beside the best instruction set of this machine.</summary>
internal static class MatrixEngine
{
    public static string? WhyMissing(string engine)
    {
        NativeLibraryReport report = NativeLibraryReport.Current;
        if (!report.IsLoaded) { return report.ToString(); }
        try
        {
            using IKernels kernels = Open(engine, 1);
            return null;
        }
        catch (HybridEngineException e)
        {
            return e.Message;
        }
    }

    public static IKernels Open(string engine, int threads) => new NativeKernels(new NativeOptions { InstructionSet = Best, MatrixEngine = engine, Threads = threads });

    private static string Best => NativeLibraryReport.Current.InstructionSets[0];
}

/// <summary>Multiply-adds of widened operands: every machine.</summary>
public sealed class FmaEngine : IBackend
{
    public static string? WhyMissing { get; } = MatrixEngine.WhyMissing("fma");

    public static IKernels Open(int threads) => MatrixEngine.Open("fma", threads);
}

/// <summary>Dot products of pairs (AVX-512 BF16).</summary>
public sealed class DotEngine : IBackend
{
    public static string? WhyMissing { get; } = MatrixEngine.WhyMissing("dot");

    public static IKernels Open(int threads) => MatrixEngine.Open("dot", threads);
}

/// <summary>The matrix unit (AMX).</summary>
public sealed class AmxEngine : IBackend
{
    public static string? WhyMissing { get; } = MatrixEngine.WhyMissing("amx");

    public static IKernels Open(int threads) => MatrixEngine.Open("amx", threads);
}

/// <summary>The matrix unit in plain C++: every machine.</summary>
public sealed class EmulatedAmxEngine : IBackend
{
    public static string? WhyMissing { get; } = MatrixEngine.WhyMissing("amx_emulated");

    public static IKernels Open(int threads) => MatrixEngine.Open("amx_emulated", threads);
}

public sealed class FmaBFloat16 : BFloat16Contract<FmaEngine>;
public sealed class DotBFloat16 : BFloat16Contract<DotEngine>;
public sealed class AmxBFloat16 : BFloat16Contract<AmxEngine>;
public sealed class EmulatedAmxBFloat16 : BFloat16Contract<EmulatedAmxEngine>;
