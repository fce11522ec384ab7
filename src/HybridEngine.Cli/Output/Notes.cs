using Spectre.Console;

namespace HybridEngine.Cli.Output;

/// <summary>Everything for people that is not the answer itself: progress, warnings, tables. On standard error, so that standard output stays clean.</summary>
internal sealed class Notes(bool quiet, bool verbose)
{
    /// <summary>The console on standard error.</summary>
    public IAnsiConsole Console { get; } = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(System.Console.Error) });

    /// <summary>True with <c>--quiet</c>.</summary>
    public bool Quiet => quiet;

    /// <summary>A line unless <c>--quiet</c>.</summary>
    public void Line(string text)
    {
        if (!quiet) { System.Console.Error.WriteLine(text); }
    }

    /// <summary>A line only with <c>--verbose</c>.</summary>
    public void Detail(string text)
    {
        if (verbose && !quiet) { System.Console.Error.WriteLine(text); }
    }

    /// <summary>A warning, also with <c>--quiet</c>.</summary>
    public static void Warning(string text) => System.Console.Error.WriteLine($"warning: {text}");
}
