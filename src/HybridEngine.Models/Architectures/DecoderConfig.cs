using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>One decoder for all families, described by data. A family file turns a model's configuration into this and names its tensors (<see cref="TensorNames"/>).</summary>
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

    /// <summary>Norms have biases.</summary>
    public bool NormBias { get; init; }

    /// <summary>Where blocks normalise.</summary>
    public NormPlacement NormPlacement { get; init; } = NormPlacement.Before;

    /// <summary>Whether a norm stands after the last block.</summary>
    public bool FinalNorm { get; init; } = true;

    /// <summary>A norm stands behind the token embedding (BLOOM).</summary>
    public bool EmbeddingNorm { get; init; }

    /// <summary>Multiplies the rows of the token embedding (Gemma: the root of the width).</summary>
    public float EmbeddingScale { get; init; } = 1;

    /// <summary>One after the other, or side by side.</summary>
    public BlockOrder BlockOrder { get; init; } = BlockOrder.Serial;

    /// <summary>Norms of queries and keys.</summary>
    public QueryKeyNorm QueryKeyNorm { get; init; }

    /// <summary>MLP non-linearity.</summary>
    public required ActivationKind Activation { get; init; }

    /// <summary>MLP is <c>down(f(gate) * up)</c>, else <c>down(f(up))</c>.</summary>
    public bool GatedMlp { get; init; } = true;

    /// <summary>Experts in place of the MLP, in some or all layers; or null.</summary>
    public ExpertConfig? Experts { get; init; }

    /// <summary>Biases on q, k and v.</summary>
    public bool QueryKeyValueBias { get; init; }

    /// <summary>Bias on the attention output.</summary>
    public bool AttentionOutputBias { get; init; }

    /// <summary>Biases in the MLP.</summary>
    public bool MlpBias { get; init; }

    /// <summary>How positions enter.</summary>
    public PositionKind Positions { get; init; } = PositionKind.Rotary;

    /// <summary>For <see cref="PositionKind.Rotary"/>: of every layer, unless <see cref="LayerRotary"/> says otherwise.</summary>
    public RotarySpec? Rotary { get; init; }

    /// <summary>Rotary frequencies by layer, null for layers without (SmolLM3, Gemma 3). Empty: <see cref="Rotary"/> everywhere.</summary>
    public IReadOnlyList<RotarySpec?> LayerRotary { get; init; } = [];

    /// <summary>Learned positions: added to the position to index the table (OPT: 2).</summary>
    public int PositionOffset { get; init; }

    /// <summary>Longest context.</summary>
    public required int MaxPositions { get; init; }

    /// <summary>Sliding window per layer; 0 is none. Empty: none anywhere.</summary>
    public IReadOnlyList<int> Windows { get; init; } = [];

    /// <summary>Scale of the attention scores.</summary>
    public required float AttentionScale { get; init; }

    /// <summary>The scale of layer i is divided by i + 1 (GPT-2's <c>scale_attn_by_inverse_layer_idx</c>).</summary>
    public bool ScaleByLayer { get; init; }

    /// <summary>When positive, attention scores become <c>cap * tanh(score / cap)</c> (Gemma 2).</summary>
    public float AttentionSoftCap { get; init; }

    /// <summary>When positive, logits become <c>cap * tanh(logit / cap)</c> (Gemma 2).</summary>
    public float LogitSoftCap { get; init; }

    /// <summary>The head is the embedding table.</summary>
    public bool TiedEmbeddings { get; init; }

    /// <summary>Bias on the vocabulary head.</summary>
    public bool HeadBias { get; init; }

    /// <summary>Beginning-of-sequence id, or null.</summary>
    public int? BosTokenId { get; init; }

    /// <summary>Ids that end a sequence.</summary>
    public IReadOnlyList<int> EosTokenIds { get; init; } = [];

    /// <summary>Padding id, or null.</summary>
    public int? PadTokenId { get; init; }

    /// <summary>Columns of all query heads.</summary>
    public int QueryWidth => QueryHeads * HeadSize;

    /// <summary>Columns of all key heads (and of all value heads).</summary>
    public int KeyWidth => KeyHeads * HeadSize;

    /// <summary>The residual stream goes on from the normed value, not from the sum.</summary>
    public bool CarriesNormed => NormPlacement is NormPlacement.After or NormPlacement.Carried;

    /// <summary>Norms stand on the outputs of the branches.</summary>
    public bool HasOutputNorms => NormPlacement is NormPlacement.Output or NormPlacement.Both;

    /// <summary>The sliding window of a layer; 0 is none.</summary>
    public int Window(int layer) => Windows.Count == 0 ? 0 : Windows[layer];

    /// <summary>The rotary frequencies of a layer, or null.</summary>
    public RotarySpec? RotaryOf(int layer) => Positions != PositionKind.Rotary ? null : LayerRotary.Count == 0 ? Rotary : LayerRotary[layer];

    /// <summary>Sequences of more tokens than this turn to other rotary frequencies, at all their positions (LongRoPE); 0: never.</summary>
    public int LongFrom => Positions == PositionKind.Rotary && Rotary is { LongFrom: > 0 } rotary && rotary.LongFrom < MaxPositions ? rotary.LongFrom : 0;

    /// <summary>What is added to the positions of a sequence of this many tokens to find its rows of the rotary table: those for long sequences stand behind those for short ones.</summary>
    public int PositionShift(int length) => LongFrom > 0 && length > LongFrom ? LongFrom : 0;

    /// <summary>Whether a layer has experts in place of the MLP.</summary>
    public bool HasExperts(int layer) => Experts is { } experts && experts.Layers[layer];

    /// <summary>Attention constants of a layer. ALiBi's slopes are a tensor on the device: <see cref="Decoder.Attention"/> adds them.</summary>
    public AttentionOptions Attention(int layer) =>
        new(QueryHeads, KeyHeads, HeadSize, ScaleByLayer ? AttentionScale / (layer + 1) : AttentionScale, Causal: true, Window(layer), AttentionSoftCap);

    /// <summary>Queries, keys and values in the columns of their fused projection [tokens, QueryWidth + 2 * KeyWidth], each [tokens, heads, HeadSize].</summary>
    public (Tensor Query, Tensor Key, Tensor Value) SplitHeads(Tensor fused) =>
        (Heads(fused, 0, QueryHeads), Heads(fused, QueryWidth, KeyHeads), Heads(fused, QueryWidth + KeyWidth, KeyHeads));

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
