using HybridEngine.Core;

namespace HybridEngine.Cuda;

public sealed unsafe partial class CudaKernels
{
    /// <inheritdoc />
    public void LogProbs(Tensor hidden, WeightMatrix head, Tensor bias, Tensor targets, HeadOptions options, Tensor logProb, Tensor logSumExp, Tensor entropy) => throw Missing(nameof(LogProbs));

    /// <inheritdoc />
    public void LogProbsBackward(Tensor hidden, WeightMatrix head, Tensor bias, Tensor targets, HeadOptions options, Tensor logSumExp, Tensor entropy,
        Tensor dLogProb, Tensor dLogSumExp, Tensor dEntropy, Tensor dHidden, WeightMatrix? dHead, Tensor dBias) =>
        throw Missing(nameof(LogProbsBackward));

    /// <inheritdoc />
    public void Logits(Tensor hidden, WeightMatrix head, Tensor bias, float softCap, Tensor y) => throw Missing(nameof(Logits));
}
