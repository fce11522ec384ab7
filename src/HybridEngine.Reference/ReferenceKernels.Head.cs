using System.Buffers;
using HybridEngine.Core;
using static HybridEngine.Reference.Loops;

namespace HybridEngine.Reference;

public sealed partial class ReferenceKernels
{
    /// <inheritdoc />
    public void LogProbs(Tensor hidden, WeightMatrix head, Tensor bias, Tensor targets, HeadOptions options, Tensor logProb, Tensor logSumExp, Tensor entropy)
    {
        Contract.LogProbs(Device, hidden, head, bias, targets, options, logProb, logSumExp, entropy);
        FloatRows hs = new(Operands.Of(hidden, head.Arithmetic)), ws = new(Matrix(head));
        int vocabulary = (int)head.Outputs;
        ForEach(hs.Count, head.Outputs * head.Inputs, t =>
        {
            float[] logits = ArrayPool<float>.Shared.Rent(vocabulary);
            for (int v = 0; v < vocabulary; v++) { logits[v] = Logit(hs[t], ws[v], bias, options.SoftCap, v); }
            LogSoftmax row = new(logits.AsSpan(0, vocabulary), options.Temperature);
            int target = Ints(targets)[(int)t];
            Floats(logProb)[(int)t] = target < 0 ? 0 : row.LogProb(target);
            Floats(logSumExp)[(int)t] = (float)row.LogSumExp;
            if (!entropy.IsEmpty) { Floats(entropy)[(int)t] = (float)row.Entropy(); }
            ArrayPool<float>.Shared.Return(logits);
        });
    }

    /// <inheritdoc />
    public void LogProbsBackward(Tensor hidden, WeightMatrix head, Tensor bias, Tensor targets, HeadOptions options, Tensor logSumExp, Tensor entropy,
        Tensor dLogProb, Tensor dLogSumExp, Tensor dEntropy, Tensor dHidden, WeightMatrix? dHead, Tensor dBias)
    {
        Contract.LogProbsBackward(Device, hidden, head, bias, targets, options, logSumExp, entropy, dLogProb, dLogSumExp, dEntropy, dHidden, dHead, dBias);
        FloatRows hs = new(Operands.Of(hidden, head.Arithmetic)), ws = new(Matrix(head)), dHiddens = new(dHidden);

        double LogitGradient(int t, int v)
        {
            float logit = Logit(hs[t], ws[v], bias, options.SoftCap, v);
            float inverse = options.Temperature == 1 ? 1 : 1 / options.Temperature;
            double z = logit * inverse, lse = Floats(logSumExp)[t], p = Math.Exp(z - lse), dz = 0;
            int target = Ints(targets)[t];
            if (!dLogProb.IsEmpty && target >= 0) { dz += Floats(dLogProb)[t] * ((v == target ? 1 : 0) - p); }
            if (!dLogSumExp.IsEmpty) { dz += Floats(dLogSumExp)[t] * p; }
            if (!dEntropy.IsEmpty && p != 0) { dz -= Floats(dEntropy)[t] * p * (z - lse + Floats(entropy)[t]); }
            double cap = options.SoftCap > 0 ? 1 - (double)logit / options.SoftCap * logit / options.SoftCap : 1;
            return dz * inverse * cap;
        }

        // Both products round it as they round any operand; the bias sums it as it is.
        double Operand(double d) => head.Arithmetic == Arithmetic.BFloat16 ? Operands.ToBFloat16((float)d) : d;

        // Once by rows for the hidden states and once by outputs for the weights: [tokens, vocabulary] is never stored, at the price of a second look.
        ForEach(hs.Count, head.Outputs * head.Inputs * 2, t =>
        {
            using Sums sums = Rent(hs.Width);
            for (int v = 0; v < head.Outputs; v++) { AddScaled(sums.Span, Operand(LogitGradient((int)t, v)), ws[v]); }
            Store(sums.Span, dHiddens[t], accumulate: false);
        });

        if (dHead is null && dBias.IsEmpty) { return; }
        ForEach(head.Outputs, hs.Count * head.Inputs * 2, v =>
        {
            using Sums sums = Rent((int)head.Inputs);
            double total = 0;
            for (int t = 0; t < hs.Count; t++)
            {
                double d = LogitGradient(t, (int)v);
                total += d;
                AddScaled(sums.Span, Operand(d), hs[t]);
            }

            if (dHead is not null) { Store(sums.Span, new FloatRows(Matrix(dHead))[v], accumulate: true); }
            if (!dBias.IsEmpty) { Floats(dBias)[(int)v] += (float)total; }
        });
    }

    /// <inheritdoc />
    public void Logits(Tensor hidden, WeightMatrix head, Tensor bias, float softCap, Tensor y)
    {
        Contract.Logits(Device, hidden, head, bias, softCap, y);
        FloatRows hs = new(Operands.Of(hidden, head.Arithmetic)), ws = new(Matrix(head)), ys = new(y);
        ForEachBlock(ys.Count, ys.Width, head.Inputs, (r, first, end) =>
        {
            for (int v = first; v < end; v++) { ys[r][v] = Logit(hs[r], ws[v], bias, softCap, v); }
        });
    }

    // One logit, rounded to float32 as if stored.
    private static float Logit(ReadOnlySpan<float> hidden, ReadOnlySpan<float> output, Tensor bias, float softCap, int v)
    {
        double sum = Dot(hidden, output);
        if (!bias.IsEmpty) { sum += Floats(bias)[v]; }
        return (float)(softCap > 0 ? softCap * Math.Tanh(sum / softCap) : sum);
    }
}
