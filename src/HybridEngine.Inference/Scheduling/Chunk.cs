namespace HybridEngine.Inference;

/// <summary>Rows of one sequence in the next forward: tokens [Start, Start + Count).</summary>
/// <param name="Sequence">Which.</param>
/// <param name="Start">First token; all before it are in the cache.</param>
/// <param name="Count">Tokens, drafted ones included.</param>
/// <param name="Drafts">How many of them, at the end, are guesses that this forward checks.</param>
internal readonly record struct Chunk(Sequence Sequence, int Start, int Count, int Drafts = 0)
{
    /// <summary>The chunk reaches the sequence's last token, whose hidden state draws the next one.</summary>
    public bool Draws => Start + Count - Drafts == Sequence.Length;
}
