namespace HybridEngine.Inference;

/// <summary>Guesses that what followed the last few tokens before follows them again: quotations, code, lists, edits of a given text (Saxena 2023, "prompt lookup decoding").</summary>
internal sealed class PromptLookup(SpeculationOptions options) : IDrafter
{
    public int Plan(Sequence sequence, int most)
    {
        ReadOnlySpan<int> found = Continuation(sequence.Tokens, options.MinMatch, options.MaxMatch);
        int count = Math.Min(Math.Min(found.Length, most), sequence.Drafting.Length);
        for (int i = 0; i < count; i++) { sequence.AddDraft(found[i]); }
        return count;
    }

    public void Draft(IReadOnlyList<Chunk> chunks, Func<Sequence, int, bool> isEnd)
    {
        foreach (Chunk c in chunks)
        {
            Sequence s = c.Sequence;
            if (c.Drafts == 0) { continue; }
            int usable = 0;
            while (usable < c.Drafts && !isEnd(s, s.Draft(usable)) && s.Drafting.TryAdvance(s, s.Draft(usable))) { usable++; }
            s.KeepDrafts(usable);
        }
    }

    public void Dispose()
    {
    }

    /// <summary>What followed the latest earlier occurrence of the longest end of <paramref name="tokens"/> that has one.</summary>
    internal static ReadOnlySpan<int> Continuation(ReadOnlySpan<int> tokens, int minMatch, int maxMatch)
    {
        for (int n = Math.Min(maxMatch, tokens.Length - 1); n >= minMatch; n--)
        {
            int at = tokens[..^1].LastIndexOf(tokens[^n..]);
            if (at >= 0) { return tokens[(at + n)..]; }
        }

        return [];
    }
}
