namespace HybridEngine.Inference;

/// <summary>What the model says about one sequence of T tokens.</summary>
public sealed record SequenceScores
{
    /// <summary>[T - 1]: natural log of the probability of tokens 1 to T - 1, each given those before it; empty when switched off.</summary>
    public required float[] LogProbs { get; init; }

    /// <summary>[T - 1] nats, of the distributions that tokens 1 to T - 1 come from; empty unless asked for.</summary>
    public required float[] Entropies { get; init; }

    /// <summary>[T]: the most likely tokens after tokens 0 to T - 1, best first; the last is the distribution after the whole sequence. Empty unless asked for.</summary>
    public required TokenLogProb[][] Top { get; init; }

    /// <summary>[width of the hidden states]: the sequence as one vector; empty unless asked for.</summary>
    public float[] Embedding { get; init; } = [];

    /// <summary>The scalar head's value at the last token; null unless asked for.</summary>
    public float? Reward { get; init; }
}
