namespace HybridEngine.Cuda;

/// <summary>native/cuda/head/head.h.</summary>
internal struct HeadTilesArguments
{
    public nint Logits, Temperature, Targets, Partial, TargetZ;
    public long Stride;
    public int Columns, First, Tiles;
    public float Inverse, SoftCap;
}

/// <summary>native/cuda/head/head.h.</summary>
internal struct HeadFinishArguments
{
    public nint Partial, TargetZ, Targets, LogProb, LogSumExp, Entropy;
    public int Rows, Tiles;
}

/// <summary>native/cuda/head/head.h.</summary>
internal struct HeadGradientArguments
{
    public nint Logits, Targets, LogSumExp, Entropy, DLogProb, DLogSumExp, DEntropy;
    public long Stride;
    public int Columns, First;
    public float Inverse, SoftCap;
}

/// <summary>native/cuda/head/head.h.</summary>
internal struct CapLogitsArguments
{
    public nint Logits;
    public long Stride;
    public int Columns;
    public float SoftCap;
}

/// <summary>native/cuda/head/head.h.</summary>
internal struct LogSoftmaxArguments
{
    public nint Logits, Temperature, LogSumExp, LogProbs;
    public long Stride, ToStride;
    public int Columns;
}
