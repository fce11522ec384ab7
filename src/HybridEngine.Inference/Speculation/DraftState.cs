namespace HybridEngine.Inference;

/// <summary>What speculation remembers of one sequence.</summary>
internal sealed class DraftState
{
    private readonly List<ConstraintState> _constraints = [];

    /// <summary>Guesses to make next time.</summary>
    public int Length { get; set; } = 2;

    /// <summary>Tokens whose keys and values the draft model's cache holds; -1: what the model's own cache holds.</summary>
    public int Computed { get; set; } = -1;

    /// <summary>Guesses of the step that have turned out right so far.</summary>
    public int Accepted { get; set; }

    /// <summary>A new step: nothing is guessed.</summary>
    public void Begin()
    {
        Accepted = 0;
        _constraints.Clear();
    }

    /// <summary>Where the request's constraint stands after the first <paramref name="drafts"/> guesses; null when it has none.</summary>
    public ConstraintState? Constraint(Sequence s, int drafts) => s.Constraint is null || drafts == 0 ? s.Constraint : _constraints[drafts - 1];

    /// <summary>Goes on behind a guess. False when it cannot be, or when nothing is to be guessed behind it.</summary>
    public bool TryAdvance(Sequence s, int token)
    {
        if (Constraint(s, _constraints.Count) is not { } before) { return true; }
        ReadOnlySpan<uint> allowed = before.AllowedTokens;
        if (token / 32 >= allowed.Length || (allowed[token / 32] >> (token % 32) & 1) == 0) { return false; }
        ConstraintState after = before.Clone();
        after.Accept(token);
        if (after.MustEnd) { return false; }
        _constraints.Add(after);
        return true;
    }

    /// <summary>Follows how good the guesses were: longer after a step in which all were right, else one more than were.</summary>
    public void Learn(int drafted, int longest)
    {
        if (Accepted == drafted) { Length = Math.Max(Length, Math.Min(longest, drafted + 2)); }
        else { Length = Accepted + 1; }
    }
}
