namespace HybridEngine.Inference;

/// <summary>Guesses tokens behind the last one of a sequence (<see cref="Sequence.AddDraft"/>).</summary>
internal interface IDrafter : IDraftPlanner, IDisposable
{
    /// <summary>Makes the guesses that a step's chunks have rows for; fewer are allowed.</summary>
    /// <param name="chunks">The whole step.</param>
    /// <param name="isEnd">Whether a token ends a sequence: nothing is worth guessing behind it.</param>
    void Draft(IReadOnlyList<Chunk> chunks, Func<Sequence, int, bool> isEnd);
}
