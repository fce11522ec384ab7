using HybridEngine.Rlhf.Maths;

namespace HybridEngine.Rlhf.Tests;

public sealed class RewardsAndAdvantagesTests
{
    private static readonly GoldenFamily Golden = GoldenFamily.Open("rewards_gae");

    [Fact]
    public void Fill_RecordedBatches_EqualsPyTorch()
    {
        foreach (GoldenCase c in Golden.Cases("token_rewards"))
        {
            int[] offsets = c.InInts("cu_completion"), terminated = c.InInts("terminated");
            float[] old = c.In("cat/old_logp"), reference = c.In("cat/ref_logp"), scores = c.In("scores"), kl = new float[old.Length];
            KlPenalty.Estimate(c.Text("estimator") == "k1" ? KlEstimator.K1 : KlEstimator.K3, old, reference, kl);
            for (int s = 0; s < scores.Length; s++)
            {
                scores[s] = (float)TokenRewards.Shape(scores[s], terminated[s] != 0, c.Parameter("missing_eos_penalty"), c.Parameter("score_clip"));
            }

            TokenRewards.Fill(kl, c.Parameter("kl_coef"), scores, offsets, default, kl);
            if (c.Flag("whiten_rewards")) { MaskedStatistics.Whiten(kl, keepMean: true); }
            c.CheckArray("rewards", kl);
        }
    }

    [Fact]
    public void Compute_RecordedBatches_EqualsPyTorch()
    {
        foreach (GoldenCase c in Golden.Cases("gae"))
        {
            float[] rewards = Golden.Floats($"out/{c.Text("rewards_from")}/rewards"), values = c.In("cat/old_values");
            float[] advantages = new float[rewards.Length], returns = new float[rewards.Length];
            GeneralizedAdvantage.Compute(rewards, values, c.InInts("cu_completion"), c.Parameter("gamma"), c.Parameter("lam"), advantages, returns);
            c.CheckArray("advantages", advantages);
            c.CheckArray("returns", returns);
            if (!c.HasOut("advantages_whitened")) { continue; }
            c.CheckScalar("mean", MaskedStatistics.Mean(advantages));
            c.CheckScalar("var_unbiased", MaskedStatistics.Variance(advantages));
            c.CheckScalar("return_mean", MaskedStatistics.Mean(returns));
            float[] biased = (float[])advantages.Clone();
            MaskedStatistics.Whiten(advantages);
            MaskedStatistics.Whiten(biased, kind: VarianceKind.Biased);
            c.CheckArray("advantages_whitened", advantages);
            c.CheckArray("advantages_whitened_biased", biased);
        }
    }

    [Fact]
    public void Compute_WorkedExample_EqualsHandCalculation()
    {
        // gamma 1, lambda 0.5, r = (0, 1), V = (0.5, 0.25): delta = (0 + 0.25 - 0.5, 1 - 0.25) = (-0.25, 0.75); A = (-0.25 + 0.5 * 0.75, 0.75) = (0.125, 0.75).
        float[] advantages = new float[2], returns = new float[2];
        GeneralizedAdvantage.Compute([0, 1], [0.5f, 0.25f], [0, 2], 1, 0.5, advantages, returns);
        Assert.Equal([0.125f, 0.75f], advantages);
        Assert.Equal([0.625f, 1f], returns);
    }

    [Fact]
    public void Compute_TwoSequences_NeverCrossTheBorder()
    {
        float[] both = new float[5], first = new float[2], second = new float[3];
        float[] r = [1, 2, 3, 4, 5], v = [.1f, .2f, .3f, .4f, .5f];
        GeneralizedAdvantage.Compute(r, v, [0, 2, 5], 0.9, 0.8, both);
        GeneralizedAdvantage.Compute(r.AsSpan(0, 2), v.AsSpan(0, 2), [0, 2], 0.9, 0.8, first);
        GeneralizedAdvantage.Compute(r.AsSpan(2), v.AsSpan(2), [0, 3], 0.9, 0.8, second);
        Assert.Equal([.. first, .. second], both);
    }

    [Fact]
    public void Fill_IndexBeyondSequence_ThrowsNamingTheArgument() =>
        Assert.Equal("scoreIndices", Assert.Throws<ArgumentException>(() => TokenRewards.Fill(new float[2], 0, [1f], [0, 2], [2], new float[2])).ParamName);

    [Fact]
    public void Shape_PenaltyThenClip_InThatOrder()
    {
        Assert.Equal(5, TokenRewards.Shape(7, terminated: false, missingEndPenalty: 1, clip: 5));   // 7 - 1 = 6, clipped to 5
        Assert.Equal(-1.5, TokenRewards.Shape(-0.5, terminated: false, missingEndPenalty: 1, clip: 5));
        Assert.Equal(9, TokenRewards.Shape(9, terminated: true, missingEndPenalty: 1, clip: 0));
    }

    [Fact]
    public void Whiten_Masked_LeavesOthersZeroAndIgnoresThem()
    {
        float[] x = [1, 100, 3, 5];
        MaskedStatistics.Whiten(x, [true, false, true, true]);
        Assert.Equal(0, x[1]);
        Assert.Equal(-1, x[0], 5);   // mean 3, unbiased variance 4
        Assert.Equal(1, x[3], 5);
    }

    [Fact]
    public void ExplainedVariance_PerfectCritic_IsOne()
    {
        Assert.Equal(1, MaskedStatistics.ExplainedVariance([1, 2, 4], [1, 2, 4]));
        Assert.Equal(0, MaskedStatistics.ExplainedVariance([7, 7, 7], [1, 2, 4]), 12);
    }
}
