namespace HybridEngine.Core;

/// <summary>Constants of the language-model head: <c>z = cap(hidden W^T + bias) / Temperature</c>.</summary>
/// <param name="Temperature">Divides the logits (as a multiplication with its float32 reciprocal); positive.</param>
/// <param name="SoftCap">When positive, logits become <c>cap * tanh(logit / cap)</c> first.</param>
public readonly record struct HeadOptions(float Temperature, float SoftCap = 0)
{
    /// <summary>Temperature 1, no cap.</summary>
    public HeadOptions() : this(1) { }
}

/// <summary>The vocabulary head: log-probabilities and entropies straight from hidden states; <c>[tokens, vocabulary]</c> is never stored whole.</summary>
/// <remarks>
/// The log-sum-exp of a row walks the vocabulary in fixed tiles in order (docs/numerics.md); <see cref="ISamplingKernels"/> walks stored logits in the same way, so the
/// log-probability of a sampled token equals the one computed here bit for bit.
/// </remarks>
public interface IHeadKernels
{
    /// <summary><c>logProb[t] = z[t, target[t]] - lse[t]</c>, <c>lse = log sum exp z</c>, <c>entropy = lse - sum p z</c>.</summary>
    /// <param name="hidden">[tokens, width].</param>
    /// <param name="head">[vocabulary, width].</param>
    /// <param name="bias">[vocabulary] or empty.</param>
    /// <param name="targets">[tokens] int32; a negative target gives logProb 0 and no gradient through dLogProb.</param>
    /// <param name="options">Temperature, soft-cap.</param>
    /// <param name="logProb">[tokens].</param>
    /// <param name="logSumExp">[tokens].</param>
    /// <param name="entropy">[tokens], nats; or empty.</param>
    void LogProbs(Tensor hidden, WeightMatrix head, Tensor bias, Tensor targets, HeadOptions options, Tensor logProb, Tensor logSumExp, Tensor entropy);

    /// <summary>Backward of <see cref="LogProbs"/>: <c>dz = dLogProb (onehot - p) + dLogSumExp p + dEntropy (-p (z - lse + entropy))</c>, chained through cap and temperature.</summary>
    /// <param name="hidden">As in the forward.</param>
    /// <param name="head">As in the forward.</param>
    /// <param name="bias">As in the forward.</param>
    /// <param name="targets">As in the forward.</param>
    /// <param name="options">As in the forward.</param>
    /// <param name="logSumExp">From the forward.</param>
    /// <param name="entropy">From the forward; needed with dEntropy, else empty.</param>
    /// <param name="dLogProb">[tokens] or empty.</param>
    /// <param name="dLogSumExp">[tokens] or empty.</param>
    /// <param name="dEntropy">[tokens] or empty.</param>
    /// <param name="dHidden">[tokens, width], overwritten.</param>
    /// <param name="dHead">Float32 with the arithmetic of head, added to; null to skip.</param>
    /// <param name="dBias">[vocabulary], added to; or empty.</param>
    void LogProbsBackward(Tensor hidden, WeightMatrix head, Tensor bias, Tensor targets, HeadOptions options, Tensor logSumExp, Tensor entropy,
        Tensor dLogProb, Tensor dLogSumExp, Tensor dEntropy, Tensor dHidden, WeightMatrix? dHead, Tensor dBias);

    /// <summary>Logits to store: <c>y = cap(hidden W^T + bias)</c>, [rows, vocabulary]; temperature is applied by the reader. For the rows that are sampled from.</summary>
    void Logits(Tensor hidden, WeightMatrix head, Tensor bias, float softCap, Tensor y);
}
