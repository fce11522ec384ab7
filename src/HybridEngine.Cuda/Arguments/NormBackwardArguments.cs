namespace HybridEngine.Cuda;

/// <summary>native/cuda/norm/norm_backward.h.</summary>
internal struct NormBackwardArguments
{
    public nint Dy, Sum, Weight, Statistics, DSum;
    public long DyStride, SumStride, DSumStride, StatisticsStride;
    public int Width, Layer, Accumulate;
    public float WeightOffset;
}

/// <summary>native/cuda/norm/norm_backward.h.</summary>
internal struct ColumnSumArguments
{
    public nint Dy, Sum, Statistics, DWeight, DBias;
    public long DyStride, SumStride, StatisticsStride;
    public int Rows, Width;
}
