namespace HybridEngine.Models;

/// <summary>A token that is cut out of the text before the model sees it.</summary>
internal sealed record AddedToken(int Id, string Content, bool SingleWord, bool LeftStrip, bool RightStrip, bool Normalized, bool Special);

/// <summary>A stretch of text: an added token, or text for the model.</summary>
/// <param name="Id">The added token, or -1.</param>
/// <param name="Start">First character.</param>
/// <param name="End">One past the last.</param>
internal readonly record struct Stretch(int Id, int Start, int End);

/// <summary>Finds added tokens: at each place the longest, from left to right.</summary>
internal sealed class AddedTokens
{
    // A trie over code points: (node, code) to node; the root is 0.
    private readonly Dictionary<(int Node, int Code), int> _edges = [];
    private readonly List<AddedToken?> _ends = [null];
    private readonly HashSet<int> _firsts = [];
    private readonly bool[] _asciiFirsts = new bool[128];

    public bool IsEmpty => _firsts.Count == 0;

    /// <param name="token">The token.</param>
    /// <param name="pattern">What to look for: its content, normalized where the text will be.</param>
    public void Add(AddedToken token, ReadOnlySpan<Unit> pattern)
    {
        if (pattern.IsEmpty) return;
        _firsts.Add(pattern[0].Code);
        if (pattern[0].Code < 128) _asciiFirsts[pattern[0].Code] = true;
        int node = 0;
        foreach (Unit unit in pattern)
        {
            if (!_edges.TryGetValue((node, unit.Code), out int child))
            {
                _edges[(node, unit.Code)] = child = _ends.Count;
                _ends.Add(null);
            }
            node = child;
        }
        _ends[node] ??= token;
    }

    /// <summary>Divides a text at its added tokens; stretches come in order, none is empty.</summary>
    public List<Stretch> Divide(AlignedText text)
    {
        var stretches = new List<Stretch>();
        int done = 0;
        for (int at = 0; at < text.Length;)
        {
            if (Longest(text, at, out int end) is not { } token)
            {
                at++;
                continue;
            }
            // A token inside the white space that the one before it took is gone.
            if (end > done && (!token.SingleWord || StandsAlone(text, at, end)))
            {
                int from = at, to = end;
                if (token.LeftStrip) while (from > done && CodePoints.IsWhiteSpace(text[from - 1].Code)) from--;
                if (token.RightStrip) while (to < text.Length && CodePoints.IsWhiteSpace(text[to].Code)) to++;
                from = Math.Max(from, done);
                if (done < from) stretches.Add(new Stretch(-1, done, from));
                stretches.Add(new Stretch(token.Id, from, to));
                done = to;
            }
            at = end;
        }
        if (done < text.Length) stretches.Add(new Stretch(-1, done, text.Length));
        return stretches;
    }

    private AddedToken? Longest(AlignedText text, int at, out int end)
    {
        AddedToken? found = null;
        end = at;
        int first = text[at].Code;
        if (first < 128 ? !_asciiFirsts[first] : !_firsts.Contains(first)) return null;
        int node = 0;
        for (int i = at; i < text.Length && _edges.TryGetValue((node, text[i].Code), out node); i++)
        {
            if (_ends[node] is { } token) (found, end) = (token, i + 1);
        }
        return found;
    }

    private static bool StandsAlone(AlignedText text, int start, int end) =>
        (start == 0 || !CodePoints.IsWord(text[start - 1].Code)) && (end == text.Length || !CodePoints.IsWord(text[end].Code));
}
