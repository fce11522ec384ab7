namespace HybridEngine.Models;

/// <summary>What happens to a match when a piece is split at it.</summary>
internal enum SplitBehavior
{
    /// <summary>The match is dropped.</summary>
    Removed,

    /// <summary>The match becomes a piece.</summary>
    Isolated,

    /// <summary>The match ends the piece before it.</summary>
    MergedWithPrevious,

    /// <summary>The match begins the piece after it.</summary>
    MergedWithNext,

    /// <summary>Neighbouring matches become one piece.</summary>
    Contiguous,
}

/// <summary>Splits each piece at the matches of a pattern.</summary>
/// <param name="matcher">The pattern.</param>
/// <param name="behavior">What becomes of the matches.</param>
/// <param name="invert">Whether what lies between matches counts as the match.</param>
internal sealed class SplitPreTokenizer(IMatcher matcher, SplitBehavior behavior, bool invert = false) : IPreTokenizer
{
    public PreTokenized Apply(PreTokenized input)
    {
        var pieces = new List<(int Start, int End)>(input.Pieces.Count * 2);
        var matches = new List<(int Start, int End)>();
        foreach ((int start, int end) in input.Pieces)
        {
            matches.Clear();
            matcher.Find(input.Text, start, end, matches);
            Split(start, end, matches, pieces);
        }
        return new PreTokenized(input.Text, pieces);
    }

    private void Split(int start, int end, List<(int Start, int End)> matches, List<(int Start, int End)> pieces)
    {
        int first = pieces.Count, at = start;
        bool previousIsMatch = false, openMatch = false;
        foreach ((int from, int to) in matches)
        {
            if (from > at) Add(at, from, invert);
            if (to > from) Add(from, to, !invert);
            at = to;
        }
        if (end > at) Add(at, end, invert);

        void Add(int from, int to, bool isMatch)
        {
            bool join = pieces.Count > first && behavior switch
            {
                SplitBehavior.MergedWithPrevious => isMatch && !previousIsMatch,
                // A match waits for what follows it; of several matches in a row only the last does.
                SplitBehavior.MergedWithNext => openMatch && !isMatch,
                SplitBehavior.Contiguous => isMatch == previousIsMatch,
                _ => false,
            };
            if (behavior == SplitBehavior.Removed && isMatch) { }
            else if (join) pieces[^1] = (pieces[^1].Start, to);
            else pieces.Add((from, to));
            (previousIsMatch, openMatch) = (isMatch, isMatch);
        }
    }
}
