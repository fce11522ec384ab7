using HybridEngine.Core;

namespace HybridEngine.Cuda;

public sealed unsafe partial class CudaKernels
{
    /// <inheritdoc />
    public void SquaredNorm(IReadOnlyList<Tensor> tensors, Tensor result) => throw Missing(nameof(SquaredNorm));

    /// <inheritdoc />
    public void ClipCoefficient(Tensor squaredNorm, double maxNorm, Tensor coefficient) => throw Missing(nameof(ClipCoefficient));

    /// <inheritdoc />
    public void AdamW(Tensor parameter, Tensor gradient, Tensor m, Tensor v, AdamWStep step, Tensor gradientScale, WeightMatrix? copy = null) => throw Missing(nameof(AdamW));
}
