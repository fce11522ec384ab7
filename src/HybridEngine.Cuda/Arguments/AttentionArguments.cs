namespace HybridEngine.Cuda;

/// <summary>native/cuda/attention/attention.h.</summary>
internal struct AttentionArguments
{
    public nint Q, K, V, QueryOffsets, ContextLengths, BlockTables, Alibi, Y, LogSumExp, Partial, PartialScale;
    public long QStride, KStride, VStride, YStride;
    public int QueryHeads, KeyHeads, MaxBlocks, BlockSize, MaxChunks, Causal, Window;
    public float Scale, SoftCap;
}
