using System.Globalization;
using System.Text;

namespace HybridEngine.Cli.Chat;

/// <summary>Draws a text that is being typed below its prompt: wraps by columns, keeps the cursor's row in sight, and paints over what it drew before.</summary>
internal sealed class LineScreen(TextWriter writer, Func<(int Columns, int Rows)> size)
{
    private const string Below = "\e[J";

    // Row of the cursor below the first row drawn.
    private int _cursorRow;

    /// <summary>Forgets what was drawn: the cursor stands at the start of a fresh row.</summary>
    public void Begin() => _cursorRow = 0;

    /// <summary>Paints prompt and text.</summary>
    /// <param name="prompt">Before the first row; later ones are indented by as much.</param>
    /// <param name="text">May hold line breaks.</param>
    /// <param name="cursor">Index in the text.</param>
    public void Draw(string prompt, string text, int cursor)
    {
        (int columns, int rows) = size();
        (columns, rows) = (Math.Max(columns, 4), Math.Max(rows, 2));
        int indent = Math.Min(DisplayWidth.Of(prompt), columns / 2);
        (List<string> lines, int row, int column) = Layout(text, cursor, columns, indent);
        // A text longer than the screen shows the part around the cursor.
        int top = Math.Clamp(row - rows + 2, 0, Math.Max(0, lines.Count - 1));
        int count = Math.Min(lines.Count - top, rows - 1);
        StringBuilder paint = new();
        if (_cursorRow > 0) { paint.Append(CultureInfo.InvariantCulture, $"\e[{_cursorRow}A"); }
        paint.Append('\r').Append(Below);
        for (int i = 0; i < count; i++)
        {
            if (i > 0) { paint.Append("\r\n"); }
            paint.Append(top + i == 0 ? prompt : "").Append(lines[top + i]);
        }

        if (count - 1 > row - top) { paint.Append(CultureInfo.InvariantCulture, $"\e[{count - 1 - (row - top)}A"); }
        paint.Append('\r');
        if (column > 0) { paint.Append(CultureInfo.InvariantCulture, $"\e[{column}C"); }
        _cursorRow = row - top;
        writer.Write(paint);
        writer.Flush();
    }

    /// <summary>Leaves the text as it stands and goes on below it.</summary>
    public void End(string prompt, string text)
    {
        Draw(prompt, text, text.Length);
        writer.Write("\r\n");
        writer.Flush();
        Begin();
    }

    /// <summary>Rows of a text, and the cursor's row and column.</summary>
    internal static (List<string> Rows, int Row, int Column) Layout(string text, int cursor, int columns, int indent)
    {
        List<string> rows = [];
        StringBuilder line = new();
        int width = indent, row = 0, column = indent;
        for (int i = 0; ;)
        {
            int length = i < text.Length ? StringInfo.GetNextTextElementLength(text.AsSpan(i)) : 0;
            ReadOnlySpan<char> character = text.AsSpan(i, length);
            bool breaks = character is "\n" or "\r\n" or "\r";
            string shown = breaks ? "" : Shown(character);
            int wide = DisplayWidth.Of(shown);
            // The cursor needs a column of its own, also after the last character.
            if (width + Math.Max(wide, i == cursor ? 1 : 0) > columns)
            {
                rows.Add(line.ToString());
                line.Clear();
                width = 0;
            }

            if (cursor >= i && cursor < i + Math.Max(length, 1)) { (row, column) = (rows.Count, width); }
            if (length == 0) { break; }
            i += length;
            if (breaks)
            {
                rows.Add(line.ToString());
                line.Clear().Append(' ', indent);
                width = indent;
                continue;
            }

            line.Append(shown);
            width += wide;
        }

        rows.Add(line.ToString());
        return (rows, row, column);
    }

    // Control characters move nothing here.
    private static string Shown(ReadOnlySpan<char> character) =>
        character is "\t" ? "    " : character.Length == 1 && char.IsControl(character[0]) ? "^" + (char)((character[0] & 0x1F) + '@') : character.ToString();
}
