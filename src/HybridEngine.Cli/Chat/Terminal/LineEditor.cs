using System.Text;

namespace HybridEngine.Cli.Chat;

/// <summary>Reads a message from a terminal: editing with the usual keys, history, search, several lines, pasted text as it is.</summary>
/// <remarks>Enter sends; Alt-Enter breaks the line. Pasted text (bracketed paste) is taken whole, its line breaks included.</remarks>
internal sealed class LineEditor
{
    private const string PasteOn = "\e[?2004h", PasteOff = "\e[?2004l", PasteBegin = "[200~", PasteEnd = "\e[201~";

    private readonly TextWriter _writer;
    private readonly Func<ConsoleKeyInfo> _readKey;
    private readonly Func<bool> _keyWaits;
    private readonly LineScreen _screen;
    private readonly InputHistory _history;
    private readonly IReadOnlyList<string> _completions;
    private readonly Lock _gate = new();
    private readonly LineBuffer _buffer = new();
    private string _prompt = "";
    private bool _reading;

    /// <param name="writer">The terminal.</param>
    /// <param name="history">What was typed before.</param>
    /// <param name="completions">What Tab completes at the start of a line.</param>
    /// <param name="readKey">Waits for a key; null is the console's.</param>
    /// <param name="keyWaits">A key is there already; null is the console's.</param>
    /// <param name="size">Columns and rows; null is the console's.</param>
    public LineEditor(TextWriter writer, InputHistory history, IReadOnlyList<string> completions, Func<ConsoleKeyInfo>? readKey = null, Func<bool>? keyWaits = null, Func<(int, int)>? size = null)
    {
        (_writer, _history, _completions) = (writer, history, completions);
        _readKey = readKey ?? (() => Console.ReadKey(intercept: true));
        _keyWaits = keyWaits ?? (() => Console.KeyAvailable);
        _screen = new LineScreen(writer, size ?? (() => (Console.WindowWidth > 0 ? Console.WindowWidth : 80, Console.WindowHeight > 0 ? Console.WindowHeight : 24)));
    }

    /// <summary>Reads a message; null at the end of the input (Ctrl-D on an empty line).</summary>
    public string? Read(string prompt)
    {
        lock (_gate)
        {
            _prompt = prompt;
            _buffer.Set("");
            _screen.Begin();
            _writer.Write(PasteOn);
            Draw();
            _reading = true;
        }

        try
        {
            while (true)
            {
                ConsoleKeyInfo key = _readKey();
                lock (_gate)
                {
                    if (Take(key) is not { } outcome) { continue; }
                    _screen.End(_prompt, _buffer.Text);
                    if (outcome) { _history.Add(_buffer.Text); }
                    return outcome ? _buffer.Text : null;
                }
            }
        }
        finally
        {
            _reading = false;
            _history.Rewind();
            _writer.Write(PasteOff);
            _writer.Flush();
        }
    }

    /// <summary>Ctrl-C: gives up what is being typed. False when there was nothing.</summary>
    public bool Interrupt(string? hint = null)
    {
        lock (_gate)
        {
            if (!_reading) { return false; }
            bool typed = _buffer.Text.Length > 0;
            _screen.End(_prompt, _buffer.Text + "^C");
            if (!typed && hint is not null) { _writer.Write(hint + "\r\n"); }
            _buffer.Set("");
            _history.Rewind();
            Draw();
            return typed;
        }
    }

    // True: send. False: the end. Null: go on.
    private bool? Take(ConsoleKeyInfo key)
    {
        bool control = key.Modifiers.HasFlag(ConsoleModifiers.Control), alt = key.Modifiers.HasFlag(ConsoleModifiers.Alt);
        if (key.Key == ConsoleKey.Escape && key.KeyChar == '\e' && _keyWaits()) { return TakeEscape(); }
        switch (key.Key)
        {
            case ConsoleKey.Enter when alt: Type("\n"); return null;
            // What was typed before the terminal was ours (while the model loaded) ends with a line feed.
            case ConsoleKey.Enter: return true;
            case ConsoleKey.J when control: return true;
            case ConsoleKey.D when control && _buffer.Text.Length == 0: return false;
            case ConsoleKey.R when control: return Search();
            case ConsoleKey.L when control: _writer.Write("\e[2J\e[H"); _screen.Begin(); break;
            case ConsoleKey.UpArrow: Recall(_buffer.Up() ? null : _history.Older(_buffer.Text)); break;
            case ConsoleKey.DownArrow: Recall(_buffer.Down() ? null : _history.Newer()); break;
            case ConsoleKey.P when control: Recall(_history.Older(_buffer.Text)); break;
            case ConsoleKey.N when control: Recall(_history.Newer()); break;
            case ConsoleKey.Tab: Complete(); break;
            default:
                if (!Edit(key, control, alt) && !Character(key)) { return null; }
                break;
        }

        // Keys that are there already are drawn together.
        if (!_keyWaits()) { Draw(); }
        return null;
    }

    private bool Edit(ConsoleKeyInfo key, bool control, bool alt)
    {
        switch (key.Key)
        {
            case ConsoleKey.LeftArrow when control || alt: _buffer.WordLeft(); break;
            case ConsoleKey.RightArrow when control || alt: _buffer.WordRight(); break;
            case ConsoleKey.B when alt: _buffer.WordLeft(); break;
            case ConsoleKey.F when alt: _buffer.WordRight(); break;
            case ConsoleKey.D when alt: _buffer.KillWordRight(); break;
            case ConsoleKey.LeftArrow: _buffer.Left(); break;
            case ConsoleKey.RightArrow: _buffer.Right(); break;
            case ConsoleKey.B when control: _buffer.Left(); break;
            case ConsoleKey.F when control: _buffer.Right(); break;
            case ConsoleKey.Home: _buffer.Home(); break;
            case ConsoleKey.End: _buffer.End(); break;
            case ConsoleKey.A when control: _buffer.Home(); break;
            case ConsoleKey.E when control: _buffer.End(); break;
            case ConsoleKey.Backspace when alt || control: _buffer.KillWordLeft(); break;
            case ConsoleKey.W when control: _buffer.KillWordLeft(); break;
            case ConsoleKey.Backspace: _buffer.Backspace(); break;
            case ConsoleKey.H when control: _buffer.Backspace(); break;
            case ConsoleKey.Delete: _buffer.Delete(); break;
            case ConsoleKey.D when control: _buffer.Delete(); break;
            case ConsoleKey.K when control: _buffer.KillToEnd(); break;
            case ConsoleKey.U when control: _buffer.KillToStart(); break;
            case ConsoleKey.Y when control: _buffer.Yank(); break;
            case ConsoleKey.T when control: _buffer.Transpose(); break;
            default: return false;
        }

        return true;
    }

    private bool Character(ConsoleKeyInfo key)
    {
        char c = key.KeyChar;
        if (char.IsControl(c) && c != '\t') { return false; }
        // Characters beyond 16 bits come in two halves.
        _buffer.Insert(char.IsHighSurrogate(c) ? $"{c}{_readKey().KeyChar}" : c.ToString());
        return true;
    }

    private void Type(string text)
    {
        _buffer.Insert(text);
        Draw();
    }

    private void Recall(string? text)
    {
        if (text is not null) { _buffer.Set(text); }
    }

    private void Complete()
    {
        string[] fitting = [.. _completions.Where(c => c.StartsWith(_buffer.Text, StringComparison.Ordinal))];
        if (!_buffer.Text.StartsWith('/')) { _buffer.Insert("\t"); }
        else if (fitting.Length == 1) { _buffer.Set(fitting[0] + " "); }
        else if (fitting.Length > 1)
        {
            _screen.End(_prompt, _buffer.Text);
            _writer.Write(string.Join("  ", fitting) + "\r\n");
        }
    }

    // After an escape with more behind it: a paste begins, Alt with a key (typed so fast that the console took them apart), or a sequence that means nothing here.
    private bool? TakeEscape()
    {
        ConsoleKeyInfo next = _readKey();
        if (next.KeyChar is not ('[' or 'O')) { return Take(new ConsoleKeyInfo(next.KeyChar, next.Key, shift: false, alt: true, control: false)); }
        StringBuilder sequence = new();
        sequence.Append(next.KeyChar);
        while (_keyWaits() && sequence.Length < 16)
        {
            char c = _readKey().KeyChar;
            sequence.Append(c);
            if (c is >= '@' and <= '~') { break; }
        }

        if (sequence.ToString() == PasteBegin) { Type(ReadPaste()); }
        return null;
    }

    private string ReadPaste()
    {
        StringBuilder pasted = new();
        while (true)
        {
            ConsoleKeyInfo key = _readKey();
            // The terminal's own reading turns some bytes into keys without a character.
            pasted.Append(key.Key == ConsoleKey.Enter ? '\n' : key.KeyChar);
            if (key.KeyChar == '~' && EndsWith(pasted, PasteEnd))
            {
                pasted.Length -= PasteEnd.Length;
                return pasted.Replace("\r\n", "\n").Replace('\r', '\n').Replace("\0", "").ToString();
            }
        }
    }

    private static bool EndsWith(StringBuilder text, string end)
    {
        if (text.Length < end.Length) { return false; }
        for (int i = 0; i < end.Length; i++)
        {
            if (text[text.Length - end.Length + i] != end[i]) { return false; }
        }

        return true;
    }

    // Ctrl-R: what is typed narrows the entry that is shown; Ctrl-R again goes further back; any other key takes it.
    private bool? Search()
    {
        (string wanted, string before) = ("", _buffer.Text);
        int at = _history.Count;
        string found = before;
        while (true)
        {
            _screen.Draw($"(search '{wanted}') ", found, found.Length);
            ConsoleKeyInfo key = _readKey();
            bool control = key.Modifiers.HasFlag(ConsoleModifiers.Control);
            if (key.Key == ConsoleKey.R && control) { }
            else if (key.Key == ConsoleKey.Backspace) { (wanted, at) = (wanted.Length > 0 ? wanted[..^1] : "", _history.Count); }
            else if (key.Key == ConsoleKey.G && control) { found = before; break; }
            else if (!char.IsControl(key.KeyChar)) { (wanted, at) = (wanted + key.KeyChar, _history.Count); }
            else
            {
                _buffer.Set(found);
                Draw();
                return key.Key is ConsoleKey.Escape ? null : Take(key);
            }

            if (_history.Search(wanted, at) is { } match) { (at, found) = match; }
        }

        _buffer.Set(found);
        Draw();
        return null;
    }

    private void Draw() => _screen.Draw(_prompt, _buffer.Text, _buffer.Cursor);
}
