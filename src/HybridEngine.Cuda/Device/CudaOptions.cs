namespace HybridEngine.Cuda;

/// <summary>How to open a GPU.</summary>
public sealed record CudaOptions
{
    /// <summary>The driver's number of the device; 0 is its first.</summary>
    public int Device { get; init; }

    /// <summary>Bytes of page-locked host memory through which uploads go, and as many for downloads; uploads larger than an eighth of it go in pieces.</summary>
    public int StagingBytes { get; init; } = 16 << 20;
}
