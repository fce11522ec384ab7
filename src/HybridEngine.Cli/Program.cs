using System.CommandLine;
using System.CommandLine.Help;
using HybridEngine.Cli.CommandLine;
using HybridEngine.Cli.Commands;
using HybridEngine.Core;

namespace HybridEngine.Cli;

/// <summary>The command <c>hybridengine</c>: options in, one call each, tables or JSON out.</summary>
public static class Program
{
    private const string Name = "hybridengine";

    /// <summary>Exit codes that scripts may rely on.</summary>
    private const int Success = 0, Failure = 1, WrongUsage = 2, Interrupted = 130;

    /// <summary>Parses and runs; see <c>hybridengine --help</c>.</summary>
    public static async Task<int> Main(string[] args)
    {
        Command root = CreateRoot();
        ParseResult parse = root.Parse(args);
        if (parse.Errors.Count > 0 && parse.Action is not HelpAction)
        {
            string command = parse.CommandResult.Command.Name;
            await Console.Error.WriteLineAsync($"error: {OneLine(parse.Errors[0].Message)} (see hybridengine {(command == Name ? "" : command + " ")}--help)").ConfigureAwait(false);
            return WrongUsage;
        }

        using ConsoleInterrupt interrupt = new();
        try
        {
            return await parse.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, interrupt.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (interrupt.Token.IsCancellationRequested)
        {
            return Interrupted;
        }
        catch (Exception e) when (IsReportable(e))
        {
            if (parse.GetValue(GlobalOptions.Verbose)) { await Console.Error.WriteLineAsync(e.ToString()).ConfigureAwait(false); }
            await Console.Error.WriteLineAsync($"error: {OneLine(e)}").ConfigureAwait(false);
            return e is UsageException ? WrongUsage : Failure;
        }
    }

    /// <summary>The command tree; tests walk it.</summary>
    public static Command CreateRoot()
    {
        // Not RootCommand: that one is named after the executable's file.
        Command root = new(Name, "Generates with and trains language models with one set of weights.") { new HelpOption(), new VersionOption() };
        GlobalOptions.AddTo(root);
        foreach (Command command in CommandList.All()) { root.Subcommands.Add(command); }
        return root;
    }

    // A defect of ours is reported in one line too; --verbose shows the stack.
    private static bool IsReportable(Exception e) => e is not (StackOverflowException or AccessViolationException);

    private static string OneLine(Exception e)
    {
        string message = e switch
        {
            HybridEngineException => e.Message,
            FileNotFoundException { FileName: { } name } => $"{name}: file not found",
            DirectoryNotFoundException or UnauthorizedAccessException or IOException => e.Message,
            OutOfMemoryException => $"memory: {e.Message}",
            _ => $"internal defect ({e.GetType().Name}): {e.Message} (run again with --verbose for the stack)",
        };
        return OneLine(message);
    }

    private static string OneLine(string message) => string.Join(' ', message.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
}
