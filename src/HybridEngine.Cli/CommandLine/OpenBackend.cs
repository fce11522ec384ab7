using System.CommandLine;
using HybridEngine.Cli.Output;
using HybridEngine.Core;

namespace HybridEngine.Cli.CommandLine;

/// <summary>Opens the backend that the global options name.</summary>
internal static class OpenBackend
{
    public static IKernels From(ParseResult parse, out BackendReport report)
    {
        TypeOptions.Of(parse).Validate();
        IKernels kernels = Backends.Open(parse.GetValue(GlobalOptions.Backend)!, parse.GetValue(GlobalOptions.Threads), out report);
        if (report.Warning is { } warning) { Notes.Warning(warning); }
        return kernels;
    }
}
