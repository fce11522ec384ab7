namespace HybridEngine.Inference;

/// <summary>A token and its log-probability, natural logarithm.</summary>
/// <param name="Id">The token.</param>
/// <param name="LogProb">Log-softmax of logits / temperature.</param>
public readonly record struct TokenLogProb(int Id, float LogProb);

/// <summary>One completion.</summary>
public sealed record GenerationResult
{
    /// <summary>Index among the request's choices, from 0.</summary>
    public required int Choice { get; init; }

    /// <summary>New tokens, the one that ended the completion included.</summary>
    public required int[] TokenIds { get; init; }

    /// <summary>Log-probability of each new token: log-softmax of logits / temperature (temperature 0 counts as 1), before penalty and filters. Equal bit for bit to what training computes.</summary>
    public required float[] LogProbs { get; init; }

    /// <summary>Log-probability of each new token under the distribution that it was drawn from, after penalty and filters (0 when greedy).</summary>
    public required float[] SampledLogProbs { get; init; }

    /// <summary>The most likely tokens at each position, best first; empty unless asked for.</summary>
    public required TokenLogProb[][] TopLogProbs { get; init; }

    /// <summary>Of a beam search: the sum of log-probabilities after penalties, divided by length^length_penalty; else null.</summary>
    public double? Score { get; init; }

    /// <summary>Why it ended.</summary>
    public required FinishReason FinishReason { get; init; }

    /// <summary>The completion as text, end tokens and stop texts left out; empty when the engine has no tokenizer.</summary>
    public required string Text { get; init; }

    /// <summary>Version of the weights (<see cref="GenerationEngine.WeightVersion"/>) that drew the last token; 0 while there is none.</summary>
    public long WeightVersion { get; init; }

    /// <summary>Version of the weights that drew each new token: they differ when weights were replaced while the completion was under way.</summary>
    public long[] WeightVersions { get; init; } = [];
}
