namespace HybridEngine.Cli.Chat;

/// <summary>Where messages come from: a person at a terminal, or a pipe, a message a line. <c>"""</c> begins and ends a message of several lines in both.</summary>
internal sealed class ChatInput
{
    private const string Block = "\"\"\"", Prompt = "> ", Continued = ". ";

    private readonly LineEditor? _editor;
    private readonly TextReader _reader;

    private ChatInput(LineEditor? editor, TextReader reader) => (_editor, _reader) = (editor, reader);

    /// <summary>The console: with an editor where a person sits at it.</summary>
    /// <param name="commands">What Tab completes.</param>
    public static ChatInput Open(IReadOnlyList<string> commands)
    {
        bool person = !Console.IsInputRedirected && !(Console.IsOutputRedirected && Console.IsErrorRedirected) && Environment.GetEnvironmentVariable("TERM") is not "dumb";
        return person ? new ChatInput(new LineEditor(Console.IsOutputRedirected ? Console.Error : Console.Out, new InputHistory(InputHistory.DefaultFile()), commands), Console.In) : new ChatInput(null, Console.In);
    }

    /// <summary>Lines of a text.</summary>
    public static ChatInput From(TextReader reader) => new(null, reader);

    /// <summary>A person may be asked, and may take back what is being typed.</summary>
    public bool IsTerminal => _editor is not null;

    /// <summary>The next message; null at the end.</summary>
    public string? Read()
    {
        if (Line(Prompt) is not { } line) { return null; }
        string start = line.TrimStart();
        if (!start.StartsWith(Block, StringComparison.Ordinal)) { return line; }
        List<string> lines = [start[Block.Length..]];
        while (!lines[^1].TrimEnd().EndsWith(Block, StringComparison.Ordinal) && Line(Continued) is { } next) { lines.Add(next); }
        string last = lines[^1].TrimEnd();
        if (last.EndsWith(Block, StringComparison.Ordinal)) { lines[^1] = last[..^Block.Length]; }
        return string.Join('\n', lines).Trim('\n');
    }

    /// <summary>Ctrl-C while a message is typed.</summary>
    public void Interrupt() => _editor?.Interrupt("(/exit or Ctrl-D leaves)");

    private string? Line(string prompt) => _editor is { } editor ? editor.Read(prompt) : _reader.ReadLine();
}
