using System.CommandLine;

namespace HybridEngine.Cli.Commands;

/// <summary>Every command, in the order of the help text.</summary>
internal static class CommandList
{
    public static IEnumerable<Command> All() => [BenchCommand.Create(), DevicesCommand.Create()];
}
