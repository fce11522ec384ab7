namespace HybridEngine.Rlhf.Maths;

/// <summary>Per-token estimates of KL(policy || reference) from the log-probability of the sampled token; <c>d = log p - log q</c>.</summary>
public enum KlEstimator
{
    /// <summary><c>d</c>: unbiased, high variance, may be negative (DeepSpeed-Chat's and TRL's default).</summary>
    K1,
    /// <summary><c>d^2 / 2</c>: biased, low variance.</summary>
    K2,
    /// <summary><c>exp(-d) + d - 1</c>: unbiased and never negative.</summary>
    K3,
    /// <summary><c>|d|</c>.</summary>
    Abs,
}

/// <summary>Divergence of the policy from the reference, per token, with gradients.</summary>
/// <remarks>Source: Schulman, "Approximating KL divergence" (2020). Arithmetic in float64, results rounded to float32.</remarks>
public static class KlPenalty
{
    /// <summary><c>kl[t] = estimator(logProb[t] - reference[t])</c>.</summary>
    /// <param name="estimator">Which estimate.</param>
    /// <param name="logProb">[tokens] of the policy, nats.</param>
    /// <param name="reference">[tokens] of the reference, nats.</param>
    /// <param name="kl">[tokens], nats.</param>
    /// <param name="gradient">[tokens] <c>d kl[t] / d logProb[t]</c>; or empty.</param>
    /// <exception cref="ArgumentException">Lengths do not agree.</exception>
    public static void Estimate(KlEstimator estimator, ReadOnlySpan<float> logProb, ReadOnlySpan<float> reference, Span<float> kl, Span<float> gradient = default)
    {
        Lengths.Require(reference.Length, logProb.Length, nameof(reference));
        Lengths.Require(kl.Length, logProb.Length, nameof(kl));
        Lengths.RequireOptional(gradient.Length, logProb.Length, nameof(gradient));
        for (int t = 0; t < logProb.Length; t++)
        {
            double d = (double)logProb[t] - reference[t];
            (double value, double slope) = estimator switch
            {
                KlEstimator.K1 => (d, 1),
                KlEstimator.K2 => (0.5 * d * d, d),
                KlEstimator.K3 => (Math.Exp(-d) + d - 1, 1 - Math.Exp(-d)),
                KlEstimator.Abs => (Math.Abs(d), double.IsNaN(d) ? d : Math.Sign(d)),
                _ => throw new ArgumentOutOfRangeException(nameof(estimator), estimator, "unknown estimator"),
            };
            kl[t] = (float)value;
            if (!gradient.IsEmpty) { gradient[t] = (float)slope; }
        }
    }

    /// <summary>The exact divergence over the vocabulary: <c>kl[t] = sum_v p_v (log p_v - log q_v)</c> with p and q the soft-max of each row.</summary>
    /// <param name="logits">[tokens, vocabulary] of the policy.</param>
    /// <param name="referenceLogits">[tokens, vocabulary].</param>
    /// <param name="vocabulary">Columns.</param>
    /// <param name="kl">[tokens], nats.</param>
    /// <param name="gradient">[tokens, vocabulary] <c>d kl[t] / d logits[t, v] = p_v (log p_v - log q_v - kl[t])</c>; or empty.</param>
    /// <exception cref="ArgumentException">Lengths do not agree.</exception>
    public static void Full(ReadOnlySpan<float> logits, ReadOnlySpan<float> referenceLogits, int vocabulary, Span<float> kl, Span<float> gradient = default)
    {
        Lengths.Require(logits.Length, checked(kl.Length * vocabulary), nameof(logits));
        Lengths.Require(referenceLogits.Length, logits.Length, nameof(referenceLogits));
        Lengths.RequireOptional(gradient.Length, logits.Length, nameof(gradient));
        for (int t = 0; t < kl.Length; t++)
        {
            ReadOnlySpan<float> z = logits.Slice(t * vocabulary, vocabulary), w = referenceLogits.Slice(t * vocabulary, vocabulary);
            double zLse = LogSumExp(z), wLse = LogSumExp(w), sum = 0;
            for (int v = 0; v < vocabulary; v++) { sum += Math.Exp(z[v] - zLse) * (z[v] - zLse - (w[v] - wLse)); }
            kl[t] = (float)sum;
            for (int v = 0; v < vocabulary && !gradient.IsEmpty; v++)
            {
                gradient[t * vocabulary + v] = (float)(Math.Exp(z[v] - zLse) * (z[v] - zLse - (w[v] - wLse) - sum));
            }
        }
    }

    private static double LogSumExp(ReadOnlySpan<float> row)
    {
        double max = double.NegativeInfinity, sum = 0;
        foreach (float x in row) { max = Math.Max(max, x); }
        foreach (float x in row) { sum += Math.Exp(x - max); }
        return max + Math.Log(sum);
    }
}
