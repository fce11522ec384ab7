namespace HybridEngine.Inference;

/// <summary>One row of logits to draw from: a sequence as it would stand if the first <paramref name="Drafts"/> of its drafted tokens were accepted.</summary>
/// <remarks>Everything that a draw depends on (position, history, number of new tokens, constraint) is taken from here, never from the sequence itself: several rows of one step may belong to one sequence.</remarks>
/// <param name="Sequence">Which.</param>
/// <param name="Drafts">Drafted tokens that count as accepted; 0 without speculation.</param>
/// <param name="Constraint">Where the completion then stands in the request's constraint; null when it has none.</param>
internal readonly record struct DrawRow(Sequence Sequence, int Drafts, ConstraintState? Constraint)
{
    /// <summary>Prompt, new tokens and the drafts that count: the history of penalties.</summary>
    public ReadOnlySpan<int> Tokens => Sequence.TokensWithDrafts(Drafts);

    /// <summary>Number of <see cref="Tokens"/>: the position that is drawn.</summary>
    public int Length => Sequence.Length + Drafts;

    /// <summary>New tokens before this one.</summary>
    public int Generated => Sequence.Generated + Drafts;

    /// <summary>The request.</summary>
    public GenerationRequest Request => Sequence.Owner.Request;
}
