using HybridEngine.Core;

namespace HybridEngine.Cuda;

public sealed unsafe partial class CudaKernels
{
    /// <inheritdoc />
    public void Sample(Tensor logits, SamplingTensors parameters, Tensor ids, Tensor logProb, Tensor sampledLogProb) => throw Missing(nameof(Sample));

    /// <inheritdoc />
    public void ProcessLogits(Tensor logits, SamplingTensors parameters, Tensor processed) => throw Missing(nameof(ProcessLogits));

    /// <inheritdoc />
    public void LogSoftmax(Tensor logits, Tensor temperature, Tensor logProbs) => throw Missing(nameof(LogSoftmax));

    /// <inheritdoc />
    public void TopValues(Tensor values, Tensor ids, Tensor top) => throw Missing(nameof(TopValues));

    /// <inheritdoc />
    public void TopLogProbs(Tensor logits, Tensor temperature, Tensor ids, Tensor logProbs) => throw Missing(nameof(TopLogProbs));

    /// <inheritdoc />
    public void LogProbsFromLogits(Tensor logits, Tensor temperature, Tensor targets, Tensor logProb) => throw Missing(nameof(LogProbsFromLogits));
}
