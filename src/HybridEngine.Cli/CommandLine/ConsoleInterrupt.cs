namespace HybridEngine.Cli.CommandLine;

/// <summary>Ctrl-C: asks the command to stop and keep what it has; a second one ends the process. A command may take it over for a while (chat stops an answer).</summary>
internal sealed class ConsoleInterrupt : IDisposable
{
    private static Action? _override;
    private readonly CancellationTokenSource _stop = new();

    public ConsoleInterrupt() => Console.CancelKeyPress += OnPressed;

    /// <summary>Cancelled by the first Ctrl-C that nobody took over.</summary>
    public CancellationToken Token => _stop.Token;

    /// <summary>While <paramref name="action"/> is set, Ctrl-C calls it and nothing else; null gives it back.</summary>
    public static void TakeOver(Action? action) => _override = action;

    public void Dispose()
    {
        Console.CancelKeyPress -= OnPressed;
        _stop.Dispose();
    }

    private void OnPressed(object? sender, ConsoleCancelEventArgs e)
    {
        if (_override is { } action)
        {
            e.Cancel = true;
            action();
            return;
        }

        e.Cancel = !_stop.IsCancellationRequested;
        _stop.Cancel();
    }
}
