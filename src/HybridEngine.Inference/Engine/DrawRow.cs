namespace HybridEngine.Inference;

/// <summary>One row of logits to draw from: a sequence as it would stand if its first <paramref name="Drafts"/> guesses were accepted.</summary>
/// <remarks>Everything that a draw depends on (position, history, number of new tokens, constraint) is taken from here, never from the sequence itself: several rows of one step may belong to one sequence.</remarks>
/// <param name="Sequence">Which.</param>
/// <param name="Length">Tokens before the one that is drawn, guesses included: its position.</param>
/// <param name="Drafts">How many of them are guesses; 0 without speculation.</param>
/// <param name="Guess">The guess for the token that is drawn; -1 for none.</param>
/// <param name="Constraint">Where the completion then stands in the request's constraint; null when it has none.</param>
internal readonly record struct DrawRow(Sequence Sequence, int Length, int Drafts, int Guess, ConstraintState? Constraint)
{
    /// <summary>A row without guesses.</summary>
    public DrawRow(Sequence sequence) : this(sequence, sequence.Length, 0, -1, sequence.Constraint)
    {
    }

    /// <summary>The row behind the first <paramref name="drafts"/> of <paramref name="all"/> guesses.</summary>
    public DrawRow(Sequence sequence, int drafts, int all)
        : this(sequence, sequence.Length + drafts, drafts, drafts < all ? sequence.Draft(drafts) : -1, sequence.Drafting.Constraint(sequence, drafts))
    {
    }

    /// <summary>Prompt, new tokens and the guesses that count: the history of penalties. Valid until the sequence takes a token that was not guessed.</summary>
    public ReadOnlySpan<int> Tokens => Sequence.TokensWithDrafts(Length - Sequence.Length);

    /// <summary>New tokens before this one.</summary>
    public int Generated => Length - Sequence.PromptLength;

    /// <summary>The request.</summary>
    public GenerationRequest Request => Sequence.Owner.Request;
}
