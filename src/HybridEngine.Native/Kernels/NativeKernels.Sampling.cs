using HybridEngine.Core;

namespace HybridEngine.Native;

public sealed unsafe partial class NativeKernels
{
    /// <inheritdoc />
    public void Sample(Tensor logits, SamplingTensors parameters, Tensor ids, Tensor logProb, Tensor sampledLogProb)
    {
        Contract.Sample(Device, logits, parameters, ids, logProb, sampledLogProb);
        SamplingTensors p = parameters;
        NativeMethods.he_sample(_context, logits.Shape[0], logits.Shape[1], F32(logits), RowStride(logits), F32(p.Temperature), I32(p.TopK), F32(p.TopP), F32(p.MinP),
            F32(p.RepetitionPenalty), I32(p.History), p.History.IsEmpty ? 0 : p.History.Shape[1], RowStride(p.History), I32(p.HistoryLengths), I64(p.Seeds), I64(p.Requests),
            I32(p.Choices), I32(p.Positions), I32(p.Masks), p.Masks.IsEmpty ? 0 : p.Masks.Shape[0], RowStride(p.Masks), I32(p.MaskRows), I32(ids), F32(logProb), F32(sampledLogProb)).Check();
    }

    /// <inheritdoc />
    public void TopLogProbs(Tensor logits, Tensor temperature, Tensor ids, Tensor logProbs)
    {
        Contract.TopLogProbs(Device, logits, temperature, ids, logProbs);
        NativeMethods.he_top_log_probs(_context, logits.Shape[0], logits.Shape[1], F32(logits), RowStride(logits), F32(temperature), ids.Shape[1], I32(ids), RowStride(ids),
            F32(logProbs), RowStride(logProbs)).Check();
    }

    /// <inheritdoc />
    public void LogProbsFromLogits(Tensor logits, Tensor temperature, Tensor targets, Tensor logProb)
    {
        Contract.LogProbsFromLogits(Device, logits, temperature, targets, logProb);
        NativeMethods.he_log_probs_from_logits(_context, logits.Shape[0], logits.Shape[1], F32(logits), RowStride(logits), F32(temperature), I32(targets), F32(logProb)).Check();
    }
}
