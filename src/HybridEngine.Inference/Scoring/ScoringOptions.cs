using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Inference;

/// <summary>How the hidden states of a sequence become one vector.</summary>
public enum EmbeddingPooling
{
    /// <summary>No embedding.</summary>
    None,
    /// <summary>The mean over all tokens.</summary>
    Mean,
    /// <summary>The state of the last token, which has seen all others.</summary>
    Last,
}

/// <summary>What to compute for given sequences.</summary>
public sealed record ScoringOptions
{
    /// <summary>Divides the logits; positive.</summary>
    public float Temperature { get; init; } = 1;

    /// <summary>The log-probability of every token; switch it off where embeddings or rewards alone are wanted, since the vocabulary is most of the work of a small model.</summary>
    public bool LogProbs { get; init; } = true;

    /// <summary>Also the entropy at each position.</summary>
    public bool Entropy { get; init; }

    /// <summary>Also the most likely tokens at each position, this many.</summary>
    public int Top { get; init; }

    /// <summary>Also one vector for each sequence, of the hidden states after the final norm (what the vocabulary head reads).</summary>
    public EmbeddingPooling Embedding { get; init; }

    /// <summary>Divide embeddings by their Euclidean length, so that a dot product of two is their cosine.</summary>
    public bool NormalizeEmbeddings { get; init; }

    /// <summary>Also the scalar head's value at the last token; the scorer needs a head.</summary>
    public bool Reward { get; init; }

    /// <summary>Tokens of one forward, about; a sequence is never cut.</summary>
    public int BatchTokens { get; init; } = 2048;

    internal bool NeedsHead => LogProbs || Entropy;

    internal void Validate(DecoderConfig config, bool hasScalarHead)
    {
        if (!(Temperature > 0) || !float.IsFinite(Temperature)) { throw new InvalidInputException("temperature", $"{Temperature}", "a finite number above 0"); }
        if (Top < 0 || Top > config.VocabularySize) { throw new InvalidInputException("top", $"{Top}", $"0 to the vocabulary's {config.VocabularySize}"); }
        if (!Enum.IsDefined(Embedding)) { throw new InvalidInputException("embedding", $"{(int)Embedding}", "none, mean or last"); }
        if (BatchTokens < 1) { throw new InvalidInputException("batch_tokens", $"{BatchTokens}", "at least 1"); }
        if (Reward && !hasScalarHead) { throw new UnsupportedException("reward", "a model without a scalar head", "a reward model"); }
    }
}
