namespace HybridEngine.Rlhf.Maths;

/// <summary>Cross-entropy of given tokens with label smoothing and z-loss.</summary>
/// <param name="LabelSmoothing">e, 0 to 1: weight of the uniform distribution.</param>
/// <param name="ZLoss">Weight of <c>logSumExp^2</c>, which keeps logits from drifting.</param>
public readonly record struct SupervisedLossOptions(double LabelSmoothing = 0, double ZLoss = 0);

/// <summary>Supervised losses from log-probabilities; nothing of size [tokens, vocabulary].</summary>
public static class SupervisedLoss
{
    /// <summary>
    /// <c>loss[t] = -(1 - e) logProb[t] + e (logSumExp[t] - meanLogit[t]) + z logSumExp[t]^2</c>, where <c>logSumExp - meanLogit = mean_v(-log p_v)</c>.
    /// The value is <c>sum_t weights[t] loss[t]</c>: with 1/tokens a token mean, with 1/items of the whole step a loss that accumulates rightly.
    /// </summary>
    /// <param name="logProb">[tokens] of the label.</param>
    /// <param name="logSumExp">[tokens]; may be empty when neither smoothing nor z-loss is on.</param>
    /// <param name="meanLogit">[tokens] mean over the vocabulary; may be empty without smoothing.</param>
    /// <param name="weights">[tokens]; 0 leaves a token out.</param>
    /// <param name="options">Smoothing, z-loss.</param>
    /// <param name="dLogProb">[tokens].</param>
    /// <param name="dLogSumExp">[tokens], or empty as above.</param>
    /// <param name="dMeanLogit">[tokens], or empty as above.</param>
    /// <remarks>Source: label smoothing Szegedy et al. 2016, section 7; z-loss Chowdhery et al. 2022 (PaLM), section 5.</remarks>
    /// <exception cref="ArgumentException">Lengths do not agree.</exception>
    public static double Compute(ReadOnlySpan<float> logProb, ReadOnlySpan<float> logSumExp, ReadOnlySpan<float> meanLogit, ReadOnlySpan<float> weights, SupervisedLossOptions options,
        Span<float> dLogProb, Span<float> dLogSumExp = default, Span<float> dMeanLogit = default)
    {
        int n = logProb.Length;
        double e = options.LabelSmoothing, z = options.ZLoss;
        Lengths.Require(weights.Length, n, nameof(weights));
        Lengths.RequireOptional(dLogProb.Length, n, nameof(dLogProb));
        if (e != 0 || z != 0) { Lengths.Require(logSumExp.Length, n, nameof(logSumExp)); }
        if (e != 0) { Lengths.Require(meanLogit.Length, n, nameof(meanLogit)); }
        Lengths.RequireOptional(dLogSumExp.Length, n, nameof(dLogSumExp));
        Lengths.RequireOptional(dMeanLogit.Length, n, nameof(dMeanLogit));
        double sum = 0;
        for (int t = 0; t < n; t++)
        {
            double w = weights[t], lse = e != 0 || z != 0 ? logSumExp[t] : 0;
            double loss = -(1 - e) * logProb[t] + z * lse * lse + (e != 0 ? e * (lse - meanLogit[t]) : 0);
            if (w != 0) { sum += w * loss; }
            if (!dLogProb.IsEmpty) { dLogProb[t] = (float)(-w * (1 - e)); }
            if (!dLogSumExp.IsEmpty) { dLogSumExp[t] = (float)(w * (e + 2 * z * lse)); }
            if (!dMeanLogit.IsEmpty) { dMeanLogit[t] = (float)(-w * e); }
        }

        return sum;
    }

    /// <summary><c>exp(mean negative log-likelihood)</c>.</summary>
    /// <param name="meanNegativeLogLikelihood">Nats per token.</param>
    public static double Perplexity(double meanNegativeLogLikelihood) => Math.Exp(meanNegativeLogLikelihood);

    /// <summary>InstructGPT's PPO-ptx: <c>policy + coefficient * languageModel</c>; the two gradients add in the same way.</summary>
    /// <remarks>Source: Ouyang et al. 2022, equation 2 (27.8 there). DeepSpeed-Chat takes two optimizer steps, one for each term.</remarks>
    public static double Mixture(double policyLoss, double languageModelLoss, double coefficient) => policyLoss + coefficient * languageModelLoss;
}
