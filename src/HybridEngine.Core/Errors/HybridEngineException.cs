using System.Text;

namespace HybridEngine.Core;

/// <summary>Something that the user gave (an argument, a file, a request) cannot be used. The message is one line: where, what was found, what was expected.</summary>
/// <remarks>
/// The command line prints <c>error: message</c> for this type and exits with 1; every other exception type is a defect of the engine.
/// Messages quote files and requests, so they are made one line of bounded length here, and control characters (which a terminal would obey) are written as escapes.
/// </remarks>
public class HybridEngineException : Exception
{
    private const int LongestMessage = 1500, Tail = 400;

    /// <summary>An error with a complete message.</summary>
    public HybridEngineException(string message) : base(OneLine(message)) { }

    /// <summary>An error with a complete message and its cause.</summary>
    public HybridEngineException(string message, Exception inner) : base(OneLine(message), inner) { }

    private static string OneLine(string message)
    {
        // The end says what was expected: keep both ends.
        if (message.Length > LongestMessage) { message = $"{message.AsSpan(0, LongestMessage - Tail)} ... {message.AsSpan(message.Length - Tail)}"; }
        if (!message.Any(char.IsControl)) { return message; }
        StringBuilder line = new(message.Length);
        foreach (char c in message)
        {
            if (c is '\n' or '\r' or '\t') { line.Append(' '); }
            else if (char.IsControl(c)) { line.Append(System.Globalization.CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"); }
            else { line.Append(c); }
        }

        return line.ToString();
    }
}
