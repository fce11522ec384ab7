namespace HybridEngine.Rlhf.Maths;

/// <summary>Constants of the clipped policy loss.</summary>
/// <param name="ClipLow">epsilon below 1: ratios under 1 - ClipLow gain nothing more.</param>
/// <param name="ClipHigh">epsilon above 1 ("clip higher" of DAPO when greater than ClipLow).</param>
/// <param name="DualClip">c &gt; 1 bounds the loss of negative advantages by -c A (Ye et al. 2020); 0 is off.</param>
public sealed record PolicyLossOptions(double ClipLow = 0.2, double ClipHigh = 0.2, double DualClip = 0);

/// <summary>Sums over tokens of one batch or part of it; parts are added with <see cref="Add"/>.</summary>
public sealed class PolicyStatistics
{
    /// <summary>Counted tokens (weight not 0).</summary>
    public long Tokens { get; private set; }

    /// <summary>The weighted loss.</summary>
    public double Loss { get; private set; }

    /// <summary>Share of tokens where the clipped bound is the active one.</summary>
    public double ClipFraction => Mean(_clipped);

    /// <summary>Share of tokens where the dual bound is the active one.</summary>
    public double DualClipFraction => Mean(_dual);

    /// <summary><c>mean(old - new)</c>.</summary>
    public double ApproxKl1 => Mean(_k1);

    /// <summary><c>mean((new - old)^2) / 2</c>: TRL's <c>policy/approxkl_avg</c>.</summary>
    public double ApproxKl2 => Mean(_k2);

    /// <summary><c>mean(ratio - 1 - log ratio)</c>.</summary>
    public double ApproxKl3 => Mean(_k3);

    /// <summary>Mean probability ratio.</summary>
    public double RatioMean => Mean(_ratio);

    /// <summary>Greatest ratio.</summary>
    public double RatioMax { get; private set; } = double.NegativeInfinity;

    /// <summary>Least ratio.</summary>
    public double RatioMin { get; private set; } = double.PositiveInfinity;

    private double _clipped, _dual, _k1, _k2, _k3, _ratio;

    /// <summary>Adds the sums of another part.</summary>
    public void Add(PolicyStatistics other)
    {
        ArgumentNullException.ThrowIfNull(other);
        Tokens += other.Tokens;
        Loss += other.Loss;
        _clipped += other._clipped;
        _dual += other._dual;
        _k1 += other._k1;
        _k2 += other._k2;
        _k3 += other._k3;
        _ratio += other._ratio;
        RatioMax = Math.Max(RatioMax, other.RatioMax);
        RatioMin = Math.Min(RatioMin, other.RatioMin);
    }

    internal void Count(double weightedLoss, double logRatio, double ratio, bool clipped, bool dual)
    {
        Tokens++;
        Loss += weightedLoss;
        _clipped += clipped ? 1 : 0;
        _dual += dual ? 1 : 0;
        _k1 -= logRatio;
        _k2 += 0.5 * logRatio * logRatio;
        _k3 += ratio - 1 - logRatio;
        _ratio += ratio;
        RatioMax = Math.Max(RatioMax, ratio);
        RatioMin = Math.Min(RatioMin, ratio);
    }

    private double Mean(double sum) => Tokens == 0 ? 0 : sum / Tokens;
}

/// <summary>PPO's clipped surrogate.</summary>
public static class PolicyLoss
{
    /// <summary>
    /// <c>r = exp(new - old)</c>; <c>loss[t] = max(-A r, -A clip(r, 1 - low, 1 + high))</c>; for A &lt; 0 with dual clip c: <c>min(that, -c A)</c>.
    /// The value is <c>sum_t weights[t] loss[t]</c>.
    /// </summary>
    /// <param name="newLogProb">[tokens] of the policy being trained.</param>
    /// <param name="oldLogProb">[tokens] recorded while sampling.</param>
    /// <param name="advantages">[tokens].</param>
    /// <param name="weights">[tokens] from <see cref="TokenWeights"/>; tokens of weight 0 are not counted.</param>
    /// <param name="options">Clip bounds.</param>
    /// <param name="gradient">[tokens] <c>d loss / d newLogProb[t]</c>; or empty.</param>
    /// <param name="tokenLoss">[tokens] unweighted; or empty.</param>
    /// <remarks>Source: Schulman et al. 2017, arXiv 1707.06347, equation 7; dual clip: Ye et al. 2020, arXiv 1912.09729, equation 5.</remarks>
    /// <exception cref="ArgumentException">Lengths do not agree.</exception>
    public static PolicyStatistics Compute(ReadOnlySpan<float> newLogProb, ReadOnlySpan<float> oldLogProb, ReadOnlySpan<float> advantages, ReadOnlySpan<float> weights,
        PolicyLossOptions options, Span<float> gradient, Span<float> tokenLoss = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        int n = newLogProb.Length;
        Lengths.Require(oldLogProb.Length, n, nameof(oldLogProb));
        Lengths.Require(advantages.Length, n, nameof(advantages));
        Lengths.Require(weights.Length, n, nameof(weights));
        Lengths.RequireOptional(gradient.Length, n, nameof(gradient));
        Lengths.RequireOptional(tokenLoss.Length, n, nameof(tokenLoss));
        PolicyStatistics statistics = new();
        for (int t = 0; t < n; t++)
        {
            double a = advantages[t], logRatio = (double)newLogProb[t] - oldLogProb[t], ratio = Math.Exp(logRatio);
            double plain = -a * ratio, bounded = -a * Math.Clamp(ratio, 1 - options.ClipLow, 1 + options.ClipHigh);
            double loss = Math.Max(plain, bounded);
            bool clipped = bounded > plain, dual = options.DualClip > 0 && a < 0 && loss > -a * options.DualClip;
            if (dual) { loss = -a * options.DualClip; }
            if (!tokenLoss.IsEmpty) { tokenLoss[t] = (float)loss; }
            if (!gradient.IsEmpty) { gradient[t] = weights[t] == 0 || clipped || dual ? 0 : (float)(weights[t] * plain); }
            if (weights[t] != 0) { statistics.Count(weights[t] * loss, logRatio, ratio, clipped, dual); }
        }

        return statistics;
    }
}
