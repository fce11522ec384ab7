using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>How a fused projection orders the rows of its parts.</summary>
internal enum FusedOrder
{
    /// <summary>All of the first part, then all of the second.</summary>
    PartByPart,
    /// <summary>Query, key and value of the first head, then of the second (GPT-NeoX, BLOOM).</summary>
    HeadByHead,
}

/// <summary>What a family calls its tensors in a Hugging Face checkpoint, as transformers saves it. Names of modules, to which <c>.weight</c> and <c>.bias</c> are added; null for what the family never has.</summary>
/// <remarks>Which of them a model has follows from its <see cref="DecoderConfig"/>: <see cref="Bind"/> walks both.</remarks>
internal sealed record TensorNames
{
    public required string Embedding { get; init; }

    public string? PositionEmbedding { get; init; }

    public string? EmbeddingNorm { get; init; }

    public string? ProjectIn { get; init; }

    public string? ProjectOut { get; init; }

    /// <summary>Prefix of a block, to which its number and a dot are added: <c>model.layers.</c> The names from here to <see cref="FinalNorm"/> are below it.</summary>
    public required string Block { get; init; }

    public string? AttentionNorm { get; init; }

    public string? Query { get; init; }

    public string? Key { get; init; }

    public string? Value { get; init; }

    /// <summary>Query, key and value in one tensor, in place of the three names.</summary>
    public string? QueryKeyValue { get; init; }

    public FusedOrder QueryKeyValueOrder { get; init; }

    public string? QueryNorm { get; init; }

    public string? KeyNorm { get; init; }

    public required string AttentionOutput { get; init; }

    public string? AttentionOutputNorm { get; init; }

    public string? MlpNorm { get; init; }

    public string? Gate { get; init; }

    public string? Up { get; init; }

    /// <summary>Gate and up in one tensor, in place of the two names.</summary>
    public string? GateUp { get; init; }

    public required string Down { get; init; }

    public string? MlpOutputNorm { get; init; }

    public string? Router { get; init; }

    /// <summary>Prefix of an expert, to which its number and a dot are added; the three names below it.</summary>
    public string? Expert { get; init; }

    public string? ExpertGate { get; init; }

    public string? ExpertUp { get; init; }

    public string? ExpertDown { get; init; }

    public required string FinalNorm { get; init; }

    public string Head { get; init; } = "lm_head";

    /// <summary>Projections of the blocks are stored [inputs, outputs] (GPT-2's Conv1D).</summary>
    public bool Transposed { get; init; }

    /// <summary>Every parameter of a model, in the order of the forward pass.</summary>
    /// <exception cref="UnsupportedException">The configuration has a part that the family has no name for.</exception>
    public IReadOnlyList<ParameterBinding> Bind(DecoderConfig config) => new TensorBinder(this, config).Bind();
}
