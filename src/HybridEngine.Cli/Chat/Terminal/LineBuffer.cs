using System.Globalization;

namespace HybridEngine.Cli.Chat;

/// <summary>A text that is being typed, and the place in it. Moves and erases whole characters as people count them, never half of one.</summary>
internal sealed class LineBuffer
{
    private string _killed = "";

    /// <summary>All of it.</summary>
    public string Text { get; private set; } = "";

    /// <summary>Index of the next character to be typed.</summary>
    public int Cursor { get; private set; }

    public void Set(string text) => (Text, Cursor) = (text, text.Length);

    public void Insert(string text)
    {
        Text = Text.Insert(Cursor, text);
        Cursor += text.Length;
    }

    public bool Left() => MoveTo(Before(Cursor));

    public bool Right() => MoveTo(After(Cursor));

    public bool WordLeft() => MoveTo(WordStart());

    public bool WordRight() => MoveTo(WordEnd());

    /// <summary>Start of the line; of several, the one that the cursor is in.</summary>
    public bool Home() => MoveTo(LineStart());

    public bool End() => MoveTo(LineEnd());

    /// <summary>Same column of the line above; false on the first.</summary>
    public bool Up()
    {
        int start = LineStart();
        if (start == 0) { return false; }
        int above = start >= 2 ? Text.LastIndexOf('\n', start - 2) + 1 : 0;
        return MoveTo(Math.Min(above + (Cursor - start), start - 1), whole: true);
    }

    /// <summary>Same column of the line below; false on the last.</summary>
    public bool Down()
    {
        int end = LineEnd();
        if (end == Text.Length) { return false; }
        int next = Text.IndexOf('\n', end + 1);
        return MoveTo(Math.Min(end + 1 + (Cursor - LineStart()), next < 0 ? Text.Length : next), whole: true);
    }

    public void Backspace() => Erase(Before(Cursor), Cursor, keep: false);

    public void Delete() => Erase(Cursor, After(Cursor), keep: false);

    public void KillWordLeft() => Erase(WordStart(), Cursor, keep: true);

    public void KillWordRight() => Erase(Cursor, WordEnd(), keep: true);

    public void KillToStart() => Erase(LineStart(), Cursor, keep: true);

    public void KillToEnd() => Erase(Cursor, LineEnd() == Cursor ? After(Cursor) : LineEnd(), keep: true);

    /// <summary>Puts back what was last killed.</summary>
    public void Yank() => Insert(_killed);

    /// <summary>Exchanges the two characters before the cursor.</summary>
    public void Transpose()
    {
        int second = Cursor == Text.Length ? Before(Cursor) : Cursor, first = Before(second), end = After(second);
        if (first == second || second == end) { return; }
        Text = Text[..first] + Text[second..end] + Text[first..second] + Text[end..];
        Cursor = end;
    }

    private bool MoveTo(int index, bool whole = false)
    {
        if (whole && index > 0 && index < Text.Length) { index = Before(index + 1); }
        if (index == Cursor) { return false; }
        Cursor = index;
        return true;
    }

    private void Erase(int start, int end, bool keep)
    {
        if (start == end) { return; }
        if (keep) { _killed = Text[start..end]; }
        Text = Text.Remove(start, end - start);
        Cursor = start;
    }

    private int After(int index) => index == Text.Length ? index : index + StringInfo.GetNextTextElementLength(Text.AsSpan(index));

    // Where characters begin can only be told from the start of the line.
    private int Before(int index)
    {
        int at = index == 0 ? 0 : Text.LastIndexOf('\n', Math.Max(0, index - 2)) + 1;
        if (at >= index) { return Math.Max(0, index - 1); }
        for (int next = After(at); next < index; next = After(at)) { at = next; }
        return at;
    }

    private int LineStart() => Cursor == 0 ? 0 : Text.LastIndexOf('\n', Cursor - 1) + 1;

    private int LineEnd() => Text.IndexOf('\n', Cursor) is var end && end < 0 ? Text.Length : end;

    private int WordStart()
    {
        int at = Cursor;
        while (at > 0 && !char.IsLetterOrDigit(Text[at - 1])) { at--; }
        while (at > 0 && (char.IsLetterOrDigit(Text[at - 1]) || char.IsLowSurrogate(Text[at - 1]))) { at--; }
        return at;
    }

    private int WordEnd()
    {
        int at = Cursor;
        while (at < Text.Length && !char.IsLetterOrDigit(Text[at])) { at++; }
        while (at < Text.Length && char.IsLetterOrDigit(Text[at])) { at++; }
        return at;
    }
}
