namespace HybridEngine.Models;

/// <summary>Finds stretches of a text.</summary>
internal interface IMatcher
{
    /// <summary>Adds the matches inside <c>[start, end)</c>, in order and without overlap; nothing outside is looked at.</summary>
    void Find(AlignedText text, int start, int end, List<(int Start, int End)> matches);
}

/// <summary>Matches single characters.</summary>
internal sealed class CharacterMatcher(Func<int, bool> predicate) : IMatcher
{
    public void Find(AlignedText text, int start, int end, List<(int Start, int End)> matches)
    {
        for (int i = start; i < end; i++)
        {
            if (predicate(text[i].Code)) matches.Add((i, i + 1));
        }
    }
}

/// <summary>Matches a fixed text.</summary>
internal sealed class LiteralMatcher(string literal) : IMatcher
{
    private readonly int[] _codes = CodePoints.Of(literal);

    public void Find(AlignedText text, int start, int end, List<(int Start, int End)> matches)
    {
        if (_codes.Length == 0) return;
        for (int at = start; at + _codes.Length <= end;)
        {
            int same = 0;
            while (same < _codes.Length && text[at + same].Code == _codes[same]) same++;
            if (same == _codes.Length)
            {
                matches.Add((at, at + same));
                at += same;
            }
            else at++;
        }
    }
}
