using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Models;

namespace HybridEngine;

public sealed partial class HybridModel
{
    private Scorer? _scorer;

    /// <summary>The scalar head of a reward model; null when the model has none.</summary>
    public ScalarHead? RewardHead { get; private init; }

    /// <summary>Low-rank adapters of this model, by name: loaded, replaced and unloaded at any time, used by the requests and sequences that name them (<see cref="GenerationRequest.Adapter"/>,
    /// <see cref="ScoringInput.Adapter"/>). The weights are never touched.</summary>
    public AdapterSet Adapters { get; }

    /// <summary>What the model says about given sequences, in packed batches: log-probabilities (the same bits as sampling recorded and as training computes), entropies, most likely
    /// tokens, embeddings, rewards. Works in either mode, with the weights as they are now.</summary>
    /// <param name="sequences">Ids, at least one each.</param>
    /// <param name="options">What to compute; null is log-probabilities at temperature 1.</param>
    /// <returns>In the order of the sequences.</returns>
    /// <exception cref="InvalidInputException">A sequence is empty, too long, or holds an unknown id; or an option is out of range.</exception>
    /// <exception cref="UnsupportedException">Rewards of a model without a scalar head.</exception>
    public SequenceScores[] Score(IReadOnlyList<int[]> sequences, ScoringOptions? options = null) => Scorer().Score(sequences, options);

    /// <summary>The same of sequences that each have their own adapter or none, in one batch.</summary>
    /// <inheritdoc cref="Score(IReadOnlyList{int[]}, ScoringOptions?)" />
    public SequenceScores[] Score(IReadOnlyList<ScoringInput> sequences, ScoringOptions? options = null) => Scorer().Score(sequences, options);

    /// <summary>Texts as vectors: hidden states after the final norm, pooled.</summary>
    /// <param name="texts">Get the tokenizer's own special tokens.</param>
    /// <param name="pooling">Mean of all tokens, or the last one.</param>
    /// <param name="normalize">Divide by the Euclidean length, so that a dot product is a cosine.</param>
    /// <returns>One for each text, as wide as the model's hidden states.</returns>
    public float[][] Embed(IReadOnlyList<string> texts, EmbeddingPooling pooling = EmbeddingPooling.Mean, bool normalize = true)
    {
        if (pooling == EmbeddingPooling.None) { throw new InvalidInputException("pooling", "none", "mean or last"); }
        int[][] sequences = [.. texts.Select(t => RequireTokenizer().Encode(t))];
        return Array.ConvertAll(Score(sequences, new ScoringOptions { LogProbs = false, Embedding = pooling, NormalizeEmbeddings = normalize }), s => s.Embedding);
    }

    private Scorer Scorer() => _scorer ??= new Scorer(Decoder, RewardHead);
}
