namespace HybridEngine.Cuda;

/// <summary>native/cuda/attention/cache.h.</summary>
internal struct WriteCacheArguments
{
    public nint K, V, Slots, Keys, Values;
    public long KStride, VStride;
    public int KeyHeads, HeadSize, BlockSize, Type;
}

/// <summary>native/cuda/attention/cache.h.</summary>
internal struct CopyBlocksArguments
{
    public nint Keys, Values, Sources, Destinations;
    public long Words;
}
