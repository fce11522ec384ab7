using System.CommandLine;
using HybridEngine.Cli.Output;
using HybridEngine.Core;

namespace HybridEngine.Cli.CommandLine;

/// <summary>Opens the backend that the global options name.</summary>
internal static class OpenBackend
{
    /// <exception cref="UnsupportedException">A compute type that this build does not have.</exception>
    public static IKernels From(ParseResult parse, out BackendReport report)
    {
        RequireFloat32(parse.GetValue(GlobalOptions.DType)!);
        IKernels kernels = Backends.Open(parse.GetValue(GlobalOptions.Backend)!, parse.GetValue(GlobalOptions.Threads), out report);
        if (report.Warning is { } warning) { Notes.Warning(warning); }
        return kernels;
    }

    /// <summary>All computation of this build is float32; stored types are converted when a model is loaded.</summary>
    public static void RequireFloat32(string dtype)
    {
        if (dtype is not ("auto" or "float32")) { throw new UnsupportedException("--dtype", $"computing in {dtype}", "auto, float32"); }
    }
}
