namespace HybridEngine.Rlhf.Maths;

/// <summary>Value of a pairwise loss with what is reported beside it.</summary>
/// <param name="Loss">Sum over the pairs, each times its weight.</param>
/// <param name="Correct">Pairs whose chosen score is the greater one.</param>
/// <param name="Margin">Sum of chosen minus rejected score.</param>
/// <param name="Pairs">Number of pairs.</param>
public readonly record struct PairStatistics(double Loss, int Correct, double Margin, int Pairs)
{
    /// <summary>Share of pairs whose chosen score is the greater one.</summary>
    public double Accuracy => Pairs == 0 ? 0 : (double)Correct / Pairs;

    /// <summary>Mean of chosen minus rejected score.</summary>
    public double MeanMargin => Pairs == 0 ? 0 : Margin / Pairs;

    /// <summary>Two parts of one batch together.</summary>
    public PairStatistics Add(PairStatistics other) => new(Loss + other.Loss, Correct + other.Correct, Margin + other.Margin, Pairs + other.Pairs);
}

/// <summary>Losses of a reward model on pairs of answers.</summary>
public static class RewardModelLoss
{
    /// <summary><c>loss = sum_i w (-log sigmoid(c_i - r_i - margin_i) + centre (c_i + r_i)^2)</c>.</summary>
    /// <param name="chosen">[pairs] scores.</param>
    /// <param name="rejected">[pairs] scores.</param>
    /// <param name="margins">[pairs] or empty (0): how much better the chosen answer is said to be.</param>
    /// <param name="centre">Weight of the term that keeps scores around 0 (TRL's <c>center_rewards_coefficient</c>).</param>
    /// <param name="pairWeight">w: 1 / pairs of the whole step.</param>
    /// <param name="dChosen">[pairs] gradient; or empty.</param>
    /// <param name="dRejected">[pairs] gradient; or empty.</param>
    /// <remarks>Source: Bradley and Terry 1952; Ouyang et al. 2022, equation 1; margin: Touvron et al. 2023 (Llama 2), equation 2; centring: Eisenstein et al. 2023, equation 2.</remarks>
    /// <exception cref="ArgumentException">Lengths do not agree.</exception>
    public static PairStatistics BradleyTerry(ReadOnlySpan<float> chosen, ReadOnlySpan<float> rejected, ReadOnlySpan<float> margins, double centre, double pairWeight,
        Span<float> dChosen, Span<float> dRejected)
    {
        int n = chosen.Length;
        Lengths.Require(rejected.Length, n, nameof(rejected));
        Lengths.RequireOptional(margins.Length, n, nameof(margins));
        Lengths.RequireOptional(dChosen.Length, n, nameof(dChosen));
        Lengths.RequireOptional(dRejected.Length, n, nameof(dRejected));
        PairStatistics statistics = default;
        for (int i = 0; i < n; i++)
        {
            double c = chosen[i], r = rejected[i], z = c - r - (margins.IsEmpty ? 0 : margins[i]), both = c + r;
            double slope = -Sigmoid(-z), pull = 2 * centre * both;
            if (!dChosen.IsEmpty) { dChosen[i] = (float)(pairWeight * (slope + pull)); }
            if (!dRejected.IsEmpty) { dRejected[i] = (float)(pairWeight * (-slope + pull)); }
            statistics = statistics.Add(new PairStatistics(pairWeight * (Softplus(-z) + centre * both * both), c > r ? 1 : 0, c - r, 1));
        }

        return statistics;
    }

    /// <summary>
    /// DeepSpeed-Chat's loss of one pair: <c>w * mean_{t = start}^{end - 1} -log sigmoid(c[t] - r[t])</c>, end = the longer length. An answer that is over keeps its last value.
    /// </summary>
    /// <param name="chosen">[length] values at every position of prompt and chosen answer (padded rows: up to the longer end).</param>
    /// <param name="rejected">[length] of the rejected one.</param>
    /// <param name="start">First position where the two differ (<see cref="FirstDifference"/>); the last position when they do not.</param>
    /// <param name="pairWeight">w: 1 / pairs of the whole step.</param>
    /// <param name="dChosen">[chosen length] overwritten.</param>
    /// <param name="dRejected">[rejected length] overwritten.</param>
    /// <remarks>
    /// Source: dschat/utils/model/reward_model.py. DeepSpeed-Chat's padded rows have values at padding positions too; packed sequences do not, so a finished answer
    /// holds its last value there, which gives the end token the gradient of all later positions.
    /// </remarks>
    /// <exception cref="ArgumentException">Lengths do not agree or <paramref name="start"/> is beyond the longer one.</exception>
    public static PairStatistics PerToken(ReadOnlySpan<float> chosen, ReadOnlySpan<float> rejected, int start, double pairWeight, Span<float> dChosen, Span<float> dRejected)
    {
        Lengths.RequireOptional(dChosen.Length, chosen.Length, nameof(dChosen));
        Lengths.RequireOptional(dRejected.Length, rejected.Length, nameof(dRejected));
        int end = Math.Max(chosen.Length, rejected.Length);
        if (chosen.IsEmpty || rejected.IsEmpty || start < 0 || start >= end)
        {
            throw new ArgumentException($"start is {start}, expected a position of sequences of {chosen.Length} and {rejected.Length} tokens.", nameof(start));
        }

        dChosen.Clear();
        dRejected.Clear();
        double loss = 0, share = pairWeight / (end - start);
        for (int t = start; t < end; t++)
        {
            int c = Math.Min(t, chosen.Length - 1), r = Math.Min(t, rejected.Length - 1);
            double z = (double)chosen[c] - rejected[r], slope = -Sigmoid(-z);
            loss += Softplus(-z);
            if (!dChosen.IsEmpty) { dChosen[c] += (float)(share * slope); }
            if (!dRejected.IsEmpty) { dRejected[r] -= (float)(share * slope); }
        }

        double difference = (double)chosen[^1] - rejected[^1];
        return new PairStatistics(share * loss, difference > 0 ? 1 : 0, difference, 1);
    }

    /// <summary>The first position where two sequences differ (the shorter length when one begins the other); the last position when they are equal.</summary>
    public static int FirstDifference(ReadOnlySpan<int> chosen, ReadOnlySpan<int> rejected)
    {
        int common = chosen.CommonPrefixLength(rejected), end = Math.Max(chosen.Length, rejected.Length);
        return common == end ? end - 1 : common;
    }

    /// <summary><c>1 / (1 + exp(-x))</c> without overflow.</summary>
    private static double Sigmoid(double x) => x >= 0 ? 1 / (1 + Math.Exp(-x)) : Math.Exp(x) / (1 + Math.Exp(x));

    /// <summary><c>log(1 + exp(x)) = -log sigmoid(-x)</c> without overflow.</summary>
    private static double Softplus(double x) => Math.Max(x, 0) + Math.Log(1 + Math.Exp(-Math.Abs(x)));
}
