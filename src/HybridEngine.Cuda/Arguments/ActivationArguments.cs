namespace HybridEngine.Cuda;

/// <summary>native/cuda/activation/activation.h.</summary>
internal struct ActivationArguments
{
    public nint X, Up, Dy, Y, DUp;
    public long XStride, UpStride, DyStride, YStride, DUpStride;
    public int Width, Kind;
}

/// <summary>native/cuda/activation/activation.h.</summary>
internal struct ScaleArguments
{
    public nint X, Scale, Offset, Y;
    public long XStride, YStride;
    public int Width;
    public float Alpha, Beta;
}
