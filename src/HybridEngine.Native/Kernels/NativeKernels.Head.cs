using HybridEngine.Core;

namespace HybridEngine.Native;

public sealed unsafe partial class NativeKernels
{
    /// <inheritdoc />
    public void LogProbs(Tensor hidden, WeightMatrix head, Tensor bias, Tensor targets, HeadOptions options, Tensor logProb, Tensor logSumExp, Tensor entropy)
    {
        Contract.LogProbs(Device, hidden, head, bias, targets, options, logProb, logSumExp, entropy);
        if (head.DType != DType.Float32)
        {
            if (head.Arithmetic == Arithmetic.BFloat16) { LogProbsBf16(hidden, head, bias, targets, options, logProb, logSumExp, entropy); }
            else { LogProbsCompact(hidden, head, bias, targets, options, logProb, logSumExp, entropy); }
            return;
        }

        NativeMethods.he_log_probs(
            _context, F32(hidden), RowStride(hidden), hidden.Shape[0], head.Inputs, Packed(head, nameof(head)), head.Outputs, F32(bias), I32(targets), options.Temperature,
            options.SoftCap, F32(logProb), F32(logSumExp), F32(entropy)).Check();
    }

    /// <inheritdoc />
    public void LogProbsBackward(Tensor hidden, WeightMatrix head, Tensor bias, Tensor targets, HeadOptions options, Tensor logSumExp, Tensor entropy,
        Tensor dLogProb, Tensor dLogSumExp, Tensor dEntropy, Tensor dHidden, WeightMatrix? dHead, Tensor dBias)
    {
        Contract.LogProbsBackward(Device, hidden, head, bias, targets, options, logSumExp, entropy, dLogProb, dLogSumExp, dEntropy, dHidden, dHead, dBias);
        if (head.Arithmetic == Arithmetic.BFloat16)
        {
            NativeMethods.he_bf16_log_probs_backward(
                _context, F32(hidden), RowStride(hidden), hidden.Shape[0], head.Inputs, Bf16(head, nameof(head)), head.Outputs, F32(bias), I32(targets), options.Temperature,
                options.SoftCap, F32(logSumExp), F32(entropy), F32(dLogProb), F32(dLogSumExp), F32(dEntropy), F32(dHidden), RowStride(dHidden),
                dHead is null ? null : Packed(dHead, nameof(dHead)), F32(dBias)).Check();
            return;
        }

        NativeMethods.he_log_probs_backward(
            _context, F32(hidden), RowStride(hidden), hidden.Shape[0], head.Inputs, Packed(head, nameof(head)), head.Outputs, F32(bias), I32(targets), options.Temperature,
            options.SoftCap, F32(logSumExp), F32(entropy), F32(dLogProb), F32(dLogSumExp), F32(dEntropy), F32(dHidden), RowStride(dHidden),
            dHead is null ? null : Packed(dHead, nameof(dHead)), F32(dBias)).Check();
    }

    /// <inheritdoc />
    public void Logits(Tensor hidden, WeightMatrix head, Tensor bias, float softCap, Tensor y)
    {
        Contract.Logits(Device, hidden, head, bias, softCap, y);
        if (head.DType != DType.Float32)
        {
            if (head.Arithmetic == Arithmetic.BFloat16) { LogitsBf16(hidden, head, bias, softCap, y); }
            else { LogitsCompact(hidden, head, bias, softCap, y); }
            return;
        }

        NativeMethods.he_logits(
            _context, F32(hidden), RowStride(hidden), hidden.Shape[0], head.Inputs, Packed(head, nameof(head)), head.Outputs, F32(bias), softCap, F32(y), RowStride(y)).Check();
    }
}
