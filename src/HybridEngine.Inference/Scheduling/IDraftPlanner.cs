namespace HybridEngine.Inference;

/// <summary>Says how many tokens of a sequence are worth guessing.</summary>
internal interface IDraftPlanner
{
    /// <summary>Tokens to draft behind the sequence's last one, at most <paramref name="most"/>; a planner that knows them already has put them there (<see cref="Sequence.AddDraft"/>).</summary>
    int Plan(Sequence sequence, int most);
}
