namespace HybridEngine.Cuda;

/// <summary>native/cuda/position/rotary.h.</summary>
internal struct RotaryArguments
{
    public nint X, Positions, Table;
    public long TokenStride, HeadStride;
    public int Heads, Rotary, TableRows, Interleaved, Inverse;
}
