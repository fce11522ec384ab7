namespace HybridEngine.Core;

/// <summary>How the rows of a batch of logits are drawn from, as tensors on the device: a step of the engine only has to change positions and lengths in them.</summary>
/// <param name="Rows">[rows, <see cref="SamplingRow.Words"/>] int32: a <see cref="SamplingRow"/> each.</param>
/// <param name="History">[rows, capacity] int32: tokens of prompt and completion; or empty when no row looks at its history.</param>
/// <param name="Rules">[rules, <see cref="TokenRule.Words"/>] int32: a <see cref="TokenRule"/> each, which rows point at; or empty.</param>
/// <param name="RuleTokens">[tokens] int32: tokens of the rules; or empty.</param>
/// <param name="Masks">[masks, at least ceil(vocabulary / 32)] int32: bit v % 32 of word v / 32 set = token v may be drawn; or empty.</param>
public readonly record struct SamplingTensors(Tensor Rows, Tensor History = default, Tensor Rules = default, Tensor RuleTokens = default, Tensor Masks = default);

/// <summary>Drawing tokens from stored logits.</summary>
public interface ISamplingKernels
{
    /// <summary>Draws one token a row.</summary>
    /// <remarks>
    /// <see cref="SamplingRow"/> says what each step does and in which order. The kept tokens' probabilities, in order of id, are summed in float64; the draw is the first whose
    /// running sum exceeds u * total, with u = (word 0 of Philox4x32-10 &gt;&gt; 8) * 2^-24 (Salmon et al. 2011). The same (seed, request, choice, position) gives the same draw
    /// in any batch. A row that nothing is done to costs what the draw costs.
    /// </remarks>
    /// <param name="logits">[rows, vocabulary]; not changed.</param>
    /// <param name="parameters">One row each.</param>
    /// <param name="ids">[rows] int32: the draws; -1 where nothing can be drawn: every logit is -inf after mask and bans.</param>
    /// <param name="logProb">[rows]: log-soft-max of logits / temperature (temperature 0 counts as 1) at the draw, before mask, penalties and filters; bit-equal to
    /// <see cref="IHeadKernels.LogProbs"/>. NaN where nothing can be drawn.</param>
    /// <param name="sampledLogProb">[rows]: of the distribution that was drawn from (0 when greedy, NaN where nothing can be drawn); or empty.</param>
    void Sample(Tensor logits, SamplingTensors parameters, Tensor ids, Tensor logProb, Tensor sampledLogProb);

    /// <summary>What <see cref="Sample"/> draws from, as logits: after every step, the temperature included; -inf for removed tokens. At temperature 0 the greatest logit alone is left.</summary>
    /// <param name="logits">[rows, vocabulary].</param>
    /// <param name="parameters">One row each; seeds and counters play no part.</param>
    /// <param name="processed">[rows, vocabulary]; may be <paramref name="logits"/>.</param>
    void ProcessLogits(Tensor logits, SamplingTensors parameters, Tensor processed);

    /// <summary>Log-soft-max of logits / temperature (0 counts as 1), the same bits as <see cref="IHeadKernels.LogProbs"/>. temperature [rows]; logProbs [rows, vocabulary] may be <paramref name="logits"/>.</summary>
    void LogSoftmax(Tensor logits, Tensor temperature, Tensor logProbs);

    /// <summary>The k greatest values a row, greatest first (ties: lower id first). ids [rows, k] int32; top [rows, k]; k at most the width.</summary>
    void TopValues(Tensor values, Tensor ids, Tensor top);

    /// <summary>The k greatest log-probabilities a row, best first (ties: lower id first). temperature [rows]; ids [rows, k] int32; logProbs [rows, k]; k at most the vocabulary.</summary>
    void TopLogProbs(Tensor logits, Tensor temperature, Tensor ids, Tensor logProbs);

    /// <summary>Log-probabilities of given tokens from stored logits: targets [rows] int32, logProb [rows]. Same bits as <see cref="IHeadKernels.LogProbs"/>.</summary>
    void LogProbsFromLogits(Tensor logits, Tensor temperature, Tensor targets, Tensor logProb);
}
