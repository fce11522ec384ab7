namespace HybridEngine.Cuda;

/// <summary>native/cuda/embedding/embedding.h.</summary>
internal struct EmbedArguments
{
    public nint Ids;
    public Weights Table;
    public nint Y;
    public long YStride;
    public int Vocabulary, Width, Offset, Accumulate;
    public float Scale;
}

/// <summary>native/cuda/embedding/embedding.h.</summary>
internal struct RowsArguments
{
    public nint X, Rows, Y;
    public long XStride, YStride;
    public int Count, Limit, Width, Offset;
    public float Scale;
}
