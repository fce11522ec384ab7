namespace HybridEngine.Rlhf.Maths;

/// <summary>Which variance.</summary>
public enum VarianceKind
{
    /// <summary>Divided by n - 1 (TRL).</summary>
    Unbiased,
    /// <summary>Divided by n (population).</summary>
    Biased,
}

/// <summary>Means, variances and whitening over the tokens that count. Sums in float64. An empty mask counts every token.</summary>
public static class MaskedStatistics
{
    /// <summary>Mean over counted tokens; 0 when none counts.</summary>
    public static double Mean(ReadOnlySpan<float> x, ReadOnlySpan<bool> mask = default)
    {
        Lengths.RequireOptional(mask.Length, x.Length, nameof(mask));
        double sum = 0;
        long n = 0;
        for (int t = 0; t < x.Length; t++)
        {
            if (!mask.IsEmpty && !mask[t]) { continue; }
            sum += x[t];
            n++;
        }

        return n == 0 ? 0 : sum / n;
    }

    /// <summary>Variance over counted tokens, two passes; 0 for fewer than two.</summary>
    public static double Variance(ReadOnlySpan<float> x, ReadOnlySpan<bool> mask = default, VarianceKind kind = VarianceKind.Unbiased)
    {
        double mean = Mean(x, mask), sum = 0;
        long n = 0;
        for (int t = 0; t < x.Length; t++)
        {
            if (!mask.IsEmpty && !mask[t]) { continue; }
            sum += (x[t] - mean) * (x[t] - mean);
            n++;
        }

        return n < 2 ? 0 : sum / (kind == VarianceKind.Unbiased ? n - 1 : n);
    }

    /// <summary><c>x = (x - mean) / sqrt(var + 1e-8)</c> in place on counted tokens, plus the mean again when it is to be kept; others become 0.</summary>
    /// <param name="x">[tokens].</param>
    /// <param name="mask">[tokens] or empty.</param>
    /// <param name="keepMean">Scale only (TRL's treatment of rewards), else centre too (advantages).</param>
    /// <param name="kind">Which variance.</param>
    /// <remarks>Source: trl's <c>masked_whiten</c>. One token has no spread: it stays as it is.</remarks>
    public static void Whiten(Span<float> x, ReadOnlySpan<bool> mask = default, bool keepMean = false, VarianceKind kind = VarianceKind.Unbiased)
    {
        int counted = x.Length;
        if (!mask.IsEmpty)
        {
            counted = 0;
            foreach (bool m in mask) { counted += m ? 1 : 0; }
        }

        double mean = Mean(x, mask), scale = 1 / Math.Sqrt(Variance(x, mask, kind) + 1e-8);
        for (int t = 0; t < x.Length; t++)
        {
            if (!mask.IsEmpty && !mask[t]) { x[t] = 0; }
            else if (counted > 1) { x[t] = (float)((x[t] - mean) * scale + (keepMean ? mean : 0)); }
        }
    }

    /// <summary><c>1 - var(returns - values) / var(returns)</c>: 1 is a perfect critic, 0 one that predicts the mean; 0 where undefined.</summary>
    public static double ExplainedVariance(ReadOnlySpan<float> values, ReadOnlySpan<float> returns)
    {
        Lengths.Require(values.Length, returns.Length, nameof(values));
        double total = Variance(returns);
        if (total == 0) { return 0; }
        float[] error = new float[returns.Length];
        for (int t = 0; t < error.Length; t++) { error[t] = returns[t] - values[t]; }
        return 1 - Variance(error) / total;
    }
}
