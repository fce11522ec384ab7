namespace HybridEngine.Cuda;

/// <summary>native/cuda/norm/norm.h.</summary>
internal struct NormArguments
{
    public nint X, Residual, Weight, Bias, Sum, Y, Statistics;
    public long XStride, ResidualStride, SumStride, YStride, StatisticsStride;
    public int Width, Layer;
    public float Epsilon, WeightOffset;
}
