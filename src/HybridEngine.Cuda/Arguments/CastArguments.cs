namespace HybridEngine.Cuda;

/// <summary>native/cuda/conversion/cast.h.</summary>
internal struct CastArguments
{
    public nint From, To;
    public long FromStride, ToStride;
    public int Width;
}
