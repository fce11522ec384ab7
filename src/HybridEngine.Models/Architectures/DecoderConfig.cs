using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>How tokens learn where they stand.</summary>
public enum PositionKind
{
    /// <summary>Rotary embedding of queries and keys.</summary>
    Rotary,
    /// <summary>A learned table added to the token embedding.</summary>
    Learned,
    /// <summary>Linear biases on the attention scores.</summary>
    Alibi,
    /// <summary>None.</summary>
    None,
}

/// <summary>Where a block normalises.</summary>
public enum NormPlacement
{
    /// <summary>Before attention and before the MLP (most models).</summary>
    Before,
    /// <summary>After the residual sum (OPT-350m).</summary>
    After,
}

/// <summary>Frequencies of the rotary embedding after all scaling, as computed from a configuration.</summary>
/// <param name="RotarySize">Rotated elements of a head; even.</param>
/// <param name="InverseFrequencies">[RotarySize / 2] radians per position.</param>
/// <param name="Factor">Multiplies cosines and sines (YaRN's attention factor), else 1.</param>
/// <param name="Layout">Which elements form a pair.</param>
public sealed record RotarySpec(int RotarySize, double[] InverseFrequencies, double Factor = 1, RotaryLayout Layout = RotaryLayout.Halves);

/// <summary>One decoder for all families, described by data. A family file turns a model's configuration into this and maps its tensor names (<see cref="ParameterBinding"/>).</summary>
public sealed record DecoderConfig
{
    /// <summary><c>model_type</c> of the configuration, such as <c>llama</c>.</summary>
    public required string Family { get; init; }

    /// <summary>Rows of the embedding table.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Width of the residual stream.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>Width of the embedding when projections stand between it and the residual stream (OPT-350m); else <see cref="HiddenSize"/>.</summary>
    public required int EmbeddingSize { get; init; }

    /// <summary>Number of blocks.</summary>
    public required int Layers { get; init; }

    /// <summary>Query heads.</summary>
    public required int QueryHeads { get; init; }

    /// <summary>Key and value heads.</summary>
    public required int KeyHeads { get; init; }

    /// <summary>Elements of a head.</summary>
    public required int HeadSize { get; init; }

    /// <summary>Inner width of the MLP.</summary>
    public required int IntermediateSize { get; init; }

    /// <summary>Kind and epsilon of all norms.</summary>
    public required NormOptions Norm { get; init; }

    /// <summary>Before or after.</summary>
    public NormPlacement NormPlacement { get; init; } = NormPlacement.Before;

    /// <summary>Whether a norm stands after the last block.</summary>
    public bool FinalNorm { get; init; } = true;

    /// <summary>Norms have biases.</summary>
    public bool NormBias { get; init; }

    /// <summary>RMS norm of every query and key head before the rotation (Qwen3).</summary>
    public bool QueryKeyNorm { get; init; }

    /// <summary>MLP non-linearity.</summary>
    public required ActivationKind Activation { get; init; }

    /// <summary>MLP is <c>down(f(gate) * up)</c>, else <c>down(f(up))</c>.</summary>
    public bool GatedMlp { get; init; } = true;

    /// <summary>Biases on q, k and v.</summary>
    public bool QueryKeyValueBias { get; init; }

    /// <summary>Bias on the attention output.</summary>
    public bool AttentionOutputBias { get; init; }

    /// <summary>Biases in the MLP.</summary>
    public bool MlpBias { get; init; }

    /// <summary>How positions enter.</summary>
    public PositionKind Positions { get; init; } = PositionKind.Rotary;

    /// <summary>For <see cref="PositionKind.Rotary"/>.</summary>
    public RotarySpec? Rotary { get; init; }

    /// <summary>Learned positions: added to the position to index the table (OPT: 2).</summary>
    public int PositionOffset { get; init; }

    /// <summary>Longest context.</summary>
    public required int MaxPositions { get; init; }

    /// <summary>Sliding window per layer; 0 is none. Empty: none anywhere.</summary>
    public IReadOnlyList<int> Windows { get; init; } = [];

    /// <summary>Scale of the attention scores.</summary>
    public required float AttentionScale { get; init; }

    /// <summary>The head is the embedding table.</summary>
    public bool TiedEmbeddings { get; init; }

    /// <summary>Beginning-of-sequence id, or null.</summary>
    public int? BosTokenId { get; init; }

    /// <summary>Ids that end a sequence.</summary>
    public IReadOnlyList<int> EosTokenIds { get; init; } = [];

    /// <summary>Padding id, or null.</summary>
    public int? PadTokenId { get; init; }

    /// <summary>The sliding window of a layer; 0 is none.</summary>
    public int Window(int layer) => Windows.Count == 0 ? 0 : Windows[layer];

    /// <summary>Columns of all query heads.</summary>
    public int QueryWidth => QueryHeads * HeadSize;

    /// <summary>Columns of all key heads (and of all value heads).</summary>
    public int KeyWidth => KeyHeads * HeadSize;

    /// <summary>Queries, keys and values in the columns of their fused projection [tokens, QueryWidth + 2 * KeyWidth], each [tokens, heads, HeadSize].</summary>
    public (Tensor Query, Tensor Key, Tensor Value) SplitHeads(Tensor fused) =>
        (Heads(fused, 0, QueryHeads), Heads(fused, QueryWidth, KeyHeads), Heads(fused, QueryWidth + KeyWidth, KeyHeads));

    /// <summary>Constants of the per-head norms of queries and keys.</summary>
    public NormOptions HeadNorm => new(NormKind.Rms, Norm.Epsilon, Norm.WeightOffset);

    /// <summary>Attention constants of a layer.</summary>
    public AttentionOptions Attention(int layer) => new(QueryHeads, KeyHeads, HeadSize, AttentionScale, Causal: true, Window(layer));

    /// <summary>Refuses a sequence that is longer than <see cref="MaxPositions"/>.</summary>
    /// <exception cref="InvalidInputException">Found length and longest context.</exception>
    public void RequireContext(int length, string source)
    {
        if (length > MaxPositions) { throw new InvalidInputException(source, $"{length} tokens", $"at most {MaxPositions} (the model's longest context)"); }
    }

    /// <summary>Refuses ids outside the vocabulary.</summary>
    /// <exception cref="InvalidInputException">The first bad id and its position.</exception>
    public void RequireIds(ReadOnlySpan<int> ids, string source)
    {
        for (int i = 0; i < ids.Length; i++)
        {
            if ((uint)ids[i] >= (uint)VocabularySize) { throw new InvalidInputException(source, $"token id {ids[i]} at position {i}", $"0 to {VocabularySize - 1}"); }
        }
    }

    private Tensor Heads(Tensor fused, int firstColumn, int heads) =>
        new(fused.Memory!, fused.DType, new Shape(fused.Shape[0], heads, HeadSize), new Shape(fused.Strides[0], HeadSize, 1), fused.Offset + firstColumn);
}
