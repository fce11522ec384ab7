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
    /// <summary>Norm behind the token embedding.</summary>
    EmbeddingNorm,
    /// <summary>Norm before attention (or behind its residual sum, by placement).</summary>
    AttentionNorm,
    /// <summary>Query projection.</summary>
    Query,
    /// <summary>Key projection.</summary>
    Key,
    /// <summary>Value projection.</summary>
    Value,
    /// <summary>Norm of queries, of each head or of all.</summary>
    QueryNorm,
    /// <summary>Norm of keys.</summary>
    KeyNorm,
    /// <summary>Attention output projection.</summary>
    AttentionOutput,
    /// <summary>Norm of attention's output, before the residual sum.</summary>
    AttentionOutputNorm,
    /// <summary>Norm before the MLP (or behind its residual sum, by placement).</summary>
    MlpNorm,
    /// <summary>Scores of the experts: one row each.</summary>
    Router,
    /// <summary>Gate projection.</summary>
    Gate,
    /// <summary>Up projection.</summary>
    Up,
    /// <summary>Down projection.</summary>
    Down,
    /// <summary>Norm of the MLP's output, before the residual sum.</summary>
    MlpOutputNorm,
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
/// <param name="RunRows">When positive, the rows lie in runs of this many (a head of a fused tensor that goes head by head: GPT-NeoX, BLOOM)...</param>
/// <param name="RunStride">...and each run starts this many rows after the one before.</param>
/// <param name="Expert">Which expert of the layer, or -1.</param>
public sealed record ParameterBinding(
    ParameterRole Role, int Layer, bool IsBias, string TensorName, int Rows, int Columns, bool Transposed = false, int RowStart = 0, int FusedRows = 0,
    int RunRows = 0, int RunStride = 0, int Expert = -1)
{
    /// <summary>True for one-dimensional parameters: biases and norm weights.</summary>
    public bool IsVector => IsBias || Role is ParameterRole.EmbeddingNorm or ParameterRole.AttentionNorm or ParameterRole.QueryNorm or ParameterRole.KeyNorm
        or ParameterRole.AttentionOutputNorm or ParameterRole.MlpNorm or ParameterRole.MlpOutputNorm or ParameterRole.FinalNorm;

    /// <summary>The stretches of whole rows that the parameter is in its stored tensor: first row here, first row there, how many.</summary>
    public IEnumerable<(int Row, int StoredRow, int Count)> Runs()
    {
        int run = RunRows > 0 ? RunRows : Rows;
        for (int row = 0, stored = RowStart; row < Rows; row += run, stored += RunStride) { yield return (row, stored, Math.Min(run, Rows - row)); }
    }
}
