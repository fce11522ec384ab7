namespace HybridEngine.Rlhf;

/// <summary>Cuts the sequences of a step into pieces of bounded size, in order.</summary>
internal static class MicroBatches
{
    /// <summary>Ranges [Start, End) of items whose tokens together stay within the budget; an item beyond the budget goes alone.</summary>
    /// <param name="tokens">Tokens of every item.</param>
    /// <param name="budget">Tokens a piece; 0: everything at once.</param>
    public static IEnumerable<(int Start, int End)> Cut(IReadOnlyList<int> tokens, int budget)
    {
        int start = 0;
        long sum = 0;
        for (int i = 0; i < tokens.Count; i++)
        {
            if (budget > 0 && i > start && sum + tokens[i] > budget)
            {
                yield return (start, i);
                (start, sum) = (i, 0);
            }

            sum += tokens[i];
        }

        if (start < tokens.Count) { yield return (start, tokens.Count); }
    }
}
