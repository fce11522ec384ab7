namespace HybridEngine.Cuda;

/// <summary>native/cuda/optimizer/optimizer.h.</summary>
internal struct AdamWArguments
{
    public nint Parameter, M, V, Gradient, GradientScale, Copy;
    public long Count;
    public float Decay, Blend1, Keep2, Blend2, Step, RootScale, Epsilon;
}

/// <summary>native/cuda/optimizer/optimizer.h.</summary>
internal struct SquaredNormArguments
{
    public nint X, Partial;
    public long Count;
}

/// <summary>native/cuda/optimizer/optimizer.h.</summary>
internal struct SumPartialsArguments
{
    public nint Partial, Result;
    public long Count;
}

/// <summary>native/cuda/optimizer/optimizer.h.</summary>
internal struct ClipArguments
{
    public nint SquaredNorm, Coefficient;
    public double MaxNorm;
}
