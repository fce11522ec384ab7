namespace HybridEngine.Models;

/// <summary>What a parameter is in the decoder.</summary>
public enum ParameterRole
{
    /// <summary>Token table [vocabulary, embedding].</summary>
    Embedding,
    /// <summary>Learned positions [positions + offset, hidden].</summary>
    PositionEmbedding,
    /// <summary>[hidden, embedding], when the two differ.</summary>
    ProjectIn,
    /// <summary>[embedding, hidden], when the two differ.</summary>
    ProjectOut,
    /// <summary>Norm before attention (or after it, by placement).</summary>
    AttentionNorm,
    /// <summary>Query projection.</summary>
    Query,
    /// <summary>Key projection.</summary>
    Key,
    /// <summary>Value projection.</summary>
    Value,
    /// <summary>Per-head norm of queries.</summary>
    QueryNorm,
    /// <summary>Per-head norm of keys.</summary>
    KeyNorm,
    /// <summary>Attention output projection.</summary>
    AttentionOutput,
    /// <summary>Norm before (or after) the MLP.</summary>
    MlpNorm,
    /// <summary>Gate projection.</summary>
    Gate,
    /// <summary>Up projection.</summary>
    Up,
    /// <summary>Down projection.</summary>
    Down,
    /// <summary>Norm after the last block.</summary>
    FinalNorm,
    /// <summary>Vocabulary head [vocabulary, embedding], when not tied.</summary>
    Head,
    /// <summary>One row that turns a hidden state into a score or value (reward models, critics).</summary>
    ScalarHead,
}

/// <summary>Where a parameter of the decoder lives in a checkpoint, and how it is laid out there.</summary>
/// <param name="Role">Which parameter.</param>
/// <param name="Layer">Block number, or -1 outside of blocks.</param>
/// <param name="IsBias">The bias (or norm bias) of the role, else its weight.</param>
/// <param name="TensorName">Name in the Hugging Face checkpoint, as transformers saves it.</param>
/// <param name="Rows">Rows of the decoder's parameter (its length for vectors).</param>
/// <param name="Columns">Columns; 1 for vectors.</param>
/// <param name="Transposed">Stored [columns, rows] (GPT-2's Conv1D).</param>
/// <param name="RowStart">First row of this parameter within a fused tensor (counted in the decoder's orientation).</param>
/// <param name="FusedRows">Rows of the fused tensor; equals <paramref name="Rows"/> when it is not fused.</param>
public sealed record ParameterBinding(
    ParameterRole Role, int Layer, bool IsBias, string TensorName, int Rows, int Columns, bool Transposed = false, int RowStart = 0, int FusedRows = 0)
{
    /// <summary>True for one-dimensional parameters: biases and norm weights.</summary>
    public bool IsVector => IsBias || Role is ParameterRole.AttentionNorm or ParameterRole.MlpNorm or ParameterRole.FinalNorm or ParameterRole.QueryNorm or ParameterRole.KeyNorm;
}
