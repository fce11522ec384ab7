namespace HybridEngine.Cuda;

/// <summary>native/cuda/attention/float_attention.h.</summary>
internal struct FloatAttentionArguments
{
    public nint Q, K, V, QueryOffsets, ContextLengths, BlockTables, Alibi, Y, LogSumExp, Partial, PartialScale;
    public long QStride, KStride, VStride, YStride;
    public int QueryHeads, KeyHeads, HeadSize, KeyType, MaxBlocks, BlockSize, MaxChunks, Causal, Window;
    public float Scale, SoftCap;
}

/// <summary>native/cuda/attention/float_attention.h.</summary>
internal struct FloatAttentionBackwardArguments
{
    public nint Q, K, V, Y, Dy, LogSumExp, QueryOffsets, Alibi, Delta, Dq, Dk, Dv;
    public long QStride, KStride, VStride, YStride, DyStride, LseStride, DqStride, DkStride, DvStride;
    public int QueryHeads, KeyHeads, HeadSize, KeyType, Causal, Window;
    public float Scale, SoftCap;
}
