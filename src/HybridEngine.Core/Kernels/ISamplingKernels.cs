namespace HybridEngine.Core;

/// <summary>Per-row sampling parameters as tensors on the device, one entry a row of logits.</summary>
/// <param name="Temperature">[rows]; 0 takes the greatest logit (lowest id on ties).</param>
/// <param name="TopK">[rows] int32; 0 is off.</param>
/// <param name="TopP">[rows]; 1 is off.</param>
/// <param name="MinP">[rows]; 0 is off.</param>
/// <param name="RepetitionPenalty">[rows]; 1 is off. Logits of tokens in the row's history are divided by it when positive, else multiplied (Keskar et al. 2019).</param>
/// <param name="History">[rows, capacity] int32: tokens of prompt and completion; or empty when no row has a penalty.</param>
/// <param name="HistoryLengths">[rows] int32; or empty.</param>
/// <param name="Seeds">[rows] int64: Philox key.</param>
/// <param name="Requests">[rows] int64: Philox counter words 2 and 3.</param>
/// <param name="Choices">[rows] int32: Philox counter word 1.</param>
/// <param name="Positions">[rows] int32: Philox counter word 0: the position that is being drawn.</param>
/// <param name="Masks">[masks, at least ceil(vocabulary / 32)] int32: bit v % 32 of word v / 32 set = token v may be drawn; or empty when no row has a mask.</param>
/// <param name="MaskRows">[rows] int32: the row's line of <paramref name="Masks"/>, negative for none; or empty.</param>
public readonly record struct SamplingTensors(
    Tensor Temperature, Tensor TopK, Tensor TopP, Tensor MinP, Tensor RepetitionPenalty, Tensor History, Tensor HistoryLengths,
    Tensor Seeds, Tensor Requests, Tensor Choices, Tensor Positions, Tensor Masks = default, Tensor MaskRows = default);

/// <summary>Drawing tokens from stored logits.</summary>
public interface ISamplingKernels
{
    /// <summary>Draws one token a row.</summary>
    /// <remarks>
    /// Order: mask, repetition penalty, temperature, top-k, top-p, min-p (transformers' order: each acts on what the former left; ties at a top-k or min-p threshold stay in; at least one token always stays). The kept tokens' probabilities,
    /// in order of id, are summed in float64; the draw is the first whose running sum exceeds u * total, with
    /// u = (word 0 of Philox4x32-10 &gt;&gt; 8) * 2^-24 (Salmon et al. 2011). The same (seed, request, choice, position) gives the same draw in any batch.
    /// </remarks>
    /// <param name="logits">[rows, vocabulary]; not changed.</param>
    /// <param name="parameters">One entry a row.</param>
    /// <param name="ids">[rows] int32: the draws; -1 where a mask leaves nothing (every logit that it allows is -inf).</param>
    /// <param name="logProb">[rows]: log-soft-max of logits / temperature (temperature 0 counts as 1) at the draw, before penalty and filters; bit-equal to <see cref="IHeadKernels.LogProbs"/>.</param>
    /// <param name="sampledLogProb">[rows]: of the distribution that was drawn from (0 when greedy); or empty.</param>
    void Sample(Tensor logits, SamplingTensors parameters, Tensor ids, Tensor logProb, Tensor sampledLogProb);

    /// <summary>The k greatest log-probabilities a row, best first (ties: lower id first). temperature [rows]; ids [rows, k] int32; logProbs [rows, k]; k at most the vocabulary.</summary>
    void TopLogProbs(Tensor logits, Tensor temperature, Tensor ids, Tensor logProbs);

    /// <summary>Log-probabilities of given tokens from stored logits: targets [rows] int32, logProb [rows]. Same bits as <see cref="IHeadKernels.LogProbs"/>.</summary>
    void LogProbsFromLogits(Tensor logits, Tensor temperature, Tensor targets, Tensor logProb);
}
