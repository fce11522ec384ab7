using System.Text;

namespace HybridEngine.Inference;

/// <summary>Lets text through piece by piece until a stop text appears; whatever may still become one is held back.</summary>
internal sealed class StopTextFilter
{
    private readonly IReadOnlyList<string> _stops;
    private readonly StringBuilder _passed = new();
    private string _held = "";

    public StopTextFilter(IReadOnlyList<string> stops) => _stops = stops;

    /// <summary>True once a stop text has appeared; nothing passes any more.</summary>
    public bool Stopped { get; private set; }

    /// <summary>All that has passed.</summary>
    public string Passed => _passed.ToString();

    /// <summary>Takes a piece and gives what is certain now.</summary>
    public string Add(string piece)
    {
        if (Stopped) { return ""; }
        if (_stops.Count == 0) { return Pass(piece); }
        string text = _held + piece;
        int stop = FirstStop(text);
        if (stop >= 0)
        {
            Stopped = true;
            _held = "";
            return Pass(text[..stop]);
        }

        int keep = HeldLength(text);
        _held = text[^keep..];
        return Pass(text[..^keep]);
    }

    /// <summary>The end of the text: what was held back is text after all.</summary>
    public string Flush()
    {
        string rest = _held;
        _held = "";
        return Pass(rest);
    }

    /// <summary>Lets a piece through unseen, while nothing is held back.</summary>
    public string Pass(string text)
    {
        _passed.Append(text);
        return text;
    }

    // Start of the stop text that is complete first, as if characters came one by one: so the cut does not depend on how the text was cut into pieces.
    private int FirstStop(string text)
    {
        (int start, int end) = (-1, int.MaxValue);
        foreach (string stop in _stops)
        {
            int at = text.IndexOf(stop, StringComparison.Ordinal);
            if (at >= 0 && (at + stop.Length < end || (at + stop.Length == end && at < start))) { (start, end) = (at, at + stop.Length); }
        }

        return start;
    }

    // The longest end of the text that a stop text begins with.
    private int HeldLength(string text)
    {
        int longest = 0;
        foreach (string stop in _stops)
        {
            for (int n = Math.Min(stop.Length - 1, text.Length); n > longest; n--)
            {
                if (text.AsSpan(text.Length - n).SequenceEqual(stop.AsSpan(0, n))) { longest = n; }
            }
        }

        return longest;
    }
}
