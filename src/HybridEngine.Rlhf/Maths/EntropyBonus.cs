namespace HybridEngine.Rlhf.Maths;

/// <summary>The entropy bonus and the mixture of a policy loss with a language-model loss.</summary>
public static class EntropyBonus
{
    /// <summary><c>-coefficient * sum_t weights[t] entropy[t]</c>.</summary>
    /// <param name="entropy">[tokens], nats.</param>
    /// <param name="weights">[tokens] from <see cref="TokenWeights"/>.</param>
    /// <param name="coefficient">At least 0.</param>
    /// <param name="gradient">[tokens] <c>d loss / d entropy[t]</c>; or empty.</param>
    /// <remarks>Source: Schulman et al. 2017, arXiv 1707.06347, equation 9.</remarks>
    public static double Compute(ReadOnlySpan<float> entropy, ReadOnlySpan<float> weights, double coefficient, Span<float> gradient = default)
    {
        Lengths.Require(weights.Length, entropy.Length, nameof(weights));
        Lengths.RequireOptional(gradient.Length, entropy.Length, nameof(gradient));
        double sum = 0;
        for (int t = 0; t < entropy.Length; t++)
        {
            sum += (double)weights[t] * entropy[t];
            if (!gradient.IsEmpty) { gradient[t] = (float)(-coefficient * weights[t]); }
        }

        return -coefficient * sum;
    }
}
