using HybridEngine.Core;

namespace HybridEngine.Native;

public sealed unsafe partial class NativeKernels
{
    /// <inheritdoc />
    public void Sample(Tensor logits, SamplingTensors parameters, Tensor ids, Tensor logProb, Tensor sampledLogProb)
    {
        Contract.Sample(Device, logits, parameters, ids, logProb, sampledLogProb);
        SamplingTensors p = parameters;
        NativeMethods.he_sample(_context, logits.Shape[0], logits.Shape[1], F32(logits), RowStride(logits), (SamplingRow*)I32(p.Rows), I32(p.History), Columns(p.History), RowStride(p.History),
            (TokenRule*)I32(p.Rules), Count(p.Rules), I32(p.RuleTokens), Count(p.RuleTokens), I32(p.Masks), Count(p.Masks), RowStride(p.Masks),
            I32(ids), F32(logProb), F32(sampledLogProb)).Check();
    }

    /// <inheritdoc />
    public void ProcessLogits(Tensor logits, SamplingTensors parameters, Tensor processed)
    {
        Contract.ProcessLogits(Device, logits, parameters, processed);
        SamplingTensors p = parameters;
        NativeMethods.he_process_logits(_context, logits.Shape[0], logits.Shape[1], F32(logits), RowStride(logits), (SamplingRow*)I32(p.Rows), I32(p.History), Columns(p.History), RowStride(p.History),
            (TokenRule*)I32(p.Rules), Count(p.Rules), I32(p.RuleTokens), Count(p.RuleTokens), I32(p.Masks), Count(p.Masks), RowStride(p.Masks),
            F32(processed), RowStride(processed)).Check();
    }

    /// <inheritdoc />
    public void LogSoftmax(Tensor logits, Tensor temperature, Tensor logProbs)
    {
        Contract.LogSoftmax(Device, logits, temperature, logProbs);
        NativeMethods.he_log_softmax(_context, logits.Shape[0], logits.Shape[1], F32(logits), RowStride(logits), F32(temperature), F32(logProbs), RowStride(logProbs)).Check();
    }

    /// <inheritdoc />
    public void TopValues(Tensor values, Tensor ids, Tensor top)
    {
        Contract.TopValues(Device, values, ids, top);
        NativeMethods.he_top_values(_context, values.Shape[0], values.Shape[1], F32(values), RowStride(values), ids.Shape[1], I32(ids), RowStride(ids), F32(top), RowStride(top)).Check();
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

    private static long Count(Tensor tensor) => tensor.IsEmpty ? 0 : tensor.Shape[0];

    private static long Columns(Tensor tensor) => tensor.IsEmpty ? 0 : tensor.Shape[1];
}
