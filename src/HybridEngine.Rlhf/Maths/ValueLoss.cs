namespace HybridEngine.Rlhf.Maths;

/// <summary>Sums over tokens of one batch or part of it.</summary>
/// <param name="Loss">The weighted loss.</param>
/// <param name="Clipped">Tokens where the clipped bound is the active one.</param>
/// <param name="Tokens">Counted tokens (weight not 0).</param>
public readonly record struct ValueStatistics(double Loss, long Clipped, long Tokens)
{
    /// <summary>Share of clipped tokens.</summary>
    public double ClipFraction => Tokens == 0 ? 0 : (double)Clipped / Tokens;

    /// <summary>Two parts of one batch together.</summary>
    public static ValueStatistics operator +(ValueStatistics left, ValueStatistics right) => left.Add(right);

    /// <summary>Two parts of one batch together.</summary>
    public ValueStatistics Add(ValueStatistics other) => new(Loss + other.Loss, Clipped + other.Clipped, Tokens + other.Tokens);
}

/// <summary>The critic's clipped squared error.</summary>
public static class ValueLoss
{
    /// <summary><c>loss[t] = scale * max((v - R)^2, (clip(v, vOld - clip, vOld + clip) - R)^2)</c>; the value is <c>sum_t weights[t] loss[t]</c>.</summary>
    /// <param name="values">[tokens] of the critic being trained.</param>
    /// <param name="oldValues">[tokens] recorded with the rollout.</param>
    /// <param name="returns">[tokens].</param>
    /// <param name="weights">[tokens] from <see cref="TokenWeights"/>.</param>
    /// <param name="clip">Positive, same unit as the values; 0 is off.</param>
    /// <param name="scale">0.5 times the coefficient of the value loss.</param>
    /// <param name="gradient">[tokens] <c>d loss / d values[t]</c>; or empty.</param>
    /// <remarks>Source: OpenAI baselines' ppo2, as in DeepSpeed-Chat's <c>critic_loss_fn</c> and TRL.</remarks>
    /// <exception cref="ArgumentException">Lengths do not agree.</exception>
    public static ValueStatistics Compute(ReadOnlySpan<float> values, ReadOnlySpan<float> oldValues, ReadOnlySpan<float> returns, ReadOnlySpan<float> weights,
        double clip, double scale, Span<float> gradient)
    {
        int n = values.Length;
        Lengths.Require(oldValues.Length, n, nameof(oldValues));
        Lengths.Require(returns.Length, n, nameof(returns));
        Lengths.Require(weights.Length, n, nameof(weights));
        Lengths.RequireOptional(gradient.Length, n, nameof(gradient));
        double sum = 0;
        long clippedTokens = 0, tokens = 0;
        for (int t = 0; t < n; t++)
        {
            double v = values[t], r = returns[t], plain = (v - r) * (v - r), bounded = plain;
            bool inside = true;
            if (clip > 0)
            {
                double limited = Math.Min(Math.Max(v, oldValues[t] - clip), oldValues[t] + clip);
                inside = limited == v;
                bounded = (limited - r) * (limited - r);
            }

            // Where the clipped value gives the greater error the loss no longer depends on v; inside the range both are the same number.
            bool clipped = bounded > plain;
            if (!gradient.IsEmpty) { gradient[t] = clipped && !inside ? 0 : (float)(weights[t] * scale * 2 * (v - r)); }
            if (weights[t] == 0) { continue; }
            sum += weights[t] * scale * Math.Max(plain, bounded);
            clippedTokens += clipped ? 1 : 0;
            tokens++;
        }

        return new ValueStatistics(sum, clippedTokens, tokens);
    }
}
