namespace HybridEngine.Cuda;

/// <summary>native/cuda/linear/storage.h.</summary>
internal struct OperandArguments
{
    public nint From, To;
    public long FromStride, ToStride;
    public int Width;
}

/// <summary>native/cuda/linear/storage.h.</summary>
internal struct MergeLoraArguments
{
    public nint W, A, B, To;
    public long WStride, AStride, BStride;
    public int Inputs, Rank;
    public float Scale;
}

/// <summary>native/cuda/linear/storage.h.</summary>
internal struct PackBlocksArguments
{
    public nint From, Data, Scales, Minima;
    public long Blocks;
}
