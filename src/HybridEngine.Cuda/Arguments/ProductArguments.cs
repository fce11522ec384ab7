namespace HybridEngine.Cuda;

/// <summary>native/cuda/linear/linear.h: where a product's result goes.</summary>
internal struct Result
{
    public nint Y, Bias;
    public long Stride;
    public int Rows, Columns, Accumulate;
}

/// <summary>native/cuda/linear/linear.h.</summary>
internal struct ProductArguments
{
    public nint A, B;
    public long AStride, BStride;
    public Result Result;
    public int Inner;
}

/// <summary>native/cuda/linear/linear.h.</summary>
internal struct FewRowsBf16Arguments
{
    public nint X, W;
    public long XStride, WStride;
    public Result Result;
    public int Inner;
}

/// <summary>native/cuda/linear/weights.h.</summary>
internal struct Weights
{
    public nint Data, Scales, Minima;
    public long Stride;
    public int Blocks;
}

/// <summary>native/cuda/linear/linear.h.</summary>
internal struct Float32ForwardArguments
{
    public nint X;
    public Weights W;
    public long XStride;
    public Result Result;
    public int Inner;
}
