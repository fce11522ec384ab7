namespace HybridEngine.Rlhf.Maths;

/// <summary>How per-token losses become one number.</summary>
public enum LossAggregation
{
    /// <summary>Mean over all counted tokens of the batch: long answers weigh more.</summary>
    TokenMean,
    /// <summary>Mean over sequences of each sequence's token mean: every answer weighs the same.</summary>
    SequenceMeanTokenMean,
    /// <summary>Mean over sequences of each sequence's token sum.</summary>
    SequenceMeanTokenSum,
}

/// <summary>Weights w with <c>loss = sum_t w[t] loss[t]</c>.</summary>
/// <remarks>
/// They are made once for a whole optimizer step and sliced by micro-batch, so that accumulated gradients equal those of the undivided batch
/// however its tokens are spread (a mean of micro-batch means does not).
/// </remarks>
public static class TokenWeights
{
    /// <summary>Fills the weights of a batch of packed sequences.</summary>
    /// <param name="aggregation">Which mean.</param>
    /// <param name="offsets">[sequences + 1]: tokens of sequence s are offsets[s] to offsets[s+1].</param>
    /// <param name="mask">[tokens] or empty: tokens that count. A sequence without counted tokens still counts as a sequence.</param>
    /// <param name="weights">[tokens].</param>
    /// <exception cref="ArgumentException">Lengths do not agree.</exception>
    public static void Fill(LossAggregation aggregation, ReadOnlySpan<int> offsets, ReadOnlySpan<bool> mask, Span<float> weights)
    {
        Lengths.RequireOffsets(offsets, weights.Length, nameof(offsets));
        Lengths.RequireOptional(mask.Length, weights.Length, nameof(mask));
        int sequences = offsets.Length - 1;
        long all = Counted(mask, 0, weights.Length);
        for (int s = 0; s < sequences; s++)
        {
            double w = aggregation switch
            {
                LossAggregation.TokenMean => 1.0 / all,
                LossAggregation.SequenceMeanTokenMean => 1.0 / sequences / Counted(mask, offsets[s], offsets[s + 1]),
                LossAggregation.SequenceMeanTokenSum => 1.0 / sequences,
                _ => throw new ArgumentOutOfRangeException(nameof(aggregation), aggregation, "unknown aggregation"),
            };
            for (int t = offsets[s]; t < offsets[s + 1]; t++) { weights[t] = mask.IsEmpty || mask[t] ? (float)w : 0; }
        }
    }

    private static long Counted(ReadOnlySpan<bool> mask, int start, int end)
    {
        if (mask.IsEmpty) { return end - start; }
        long n = 0;
        for (int t = start; t < end; t++) { n += mask[t] ? 1 : 0; }
        return n;
    }
}
