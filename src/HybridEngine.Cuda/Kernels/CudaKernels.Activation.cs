using HybridEngine.Core;

namespace HybridEngine.Cuda;

public sealed unsafe partial class CudaKernels
{
    /// <inheritdoc />
    public void Activate(ActivationKind kind, Tensor x, Tensor y) => throw Missing(nameof(Activate));

    /// <inheritdoc />
    public void ActivateBackward(ActivationKind kind, Tensor x, Tensor dy, Tensor dx) => throw Missing(nameof(ActivateBackward));

    /// <inheritdoc />
    public void Gate(ActivationKind kind, Tensor gate, Tensor up, Tensor y) => throw Missing(nameof(Gate));

    /// <inheritdoc />
    public void GateBackward(ActivationKind kind, Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp) => throw Missing(nameof(GateBackward));

    /// <inheritdoc />
    public void Axpby(float alpha, Tensor x, float beta, Tensor y) => throw Missing(nameof(Axpby));

    /// <inheritdoc />
    public void ScaleColumns(Tensor x, Tensor scale, Tensor offset, Tensor y) => throw Missing(nameof(ScaleColumns));
}
