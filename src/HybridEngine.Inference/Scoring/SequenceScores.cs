namespace HybridEngine.Inference;

/// <summary>What to compute for given sequences.</summary>
public sealed record ScoringOptions
{
    /// <summary>Divides the logits; positive.</summary>
    public float Temperature { get; init; } = 1;

    /// <summary>Also the entropy at each position.</summary>
    public bool Entropy { get; init; }

    /// <summary>Also the most likely tokens at each position, this many.</summary>
    public int Top { get; init; }

    /// <summary>Tokens of one forward, about; a sequence is never cut.</summary>
    public int BatchTokens { get; init; } = 2048;
}

/// <summary>What the model says about one sequence of T tokens.</summary>
public sealed record SequenceScores
{
    /// <summary>[T - 1]: natural log of the probability of tokens 1 to T - 1, each given those before it.</summary>
    public required float[] LogProbs { get; init; }

    /// <summary>[T - 1] nats, of the distributions that tokens 1 to T - 1 come from; empty unless asked for.</summary>
    public required float[] Entropies { get; init; }

    /// <summary>[T]: the most likely tokens after tokens 0 to T - 1, best first; the last is the distribution after the whole sequence. Empty unless asked for.</summary>
    public required TokenLogProb[][] Top { get; init; }
}
