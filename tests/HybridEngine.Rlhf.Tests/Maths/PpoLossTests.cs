using HybridEngine.Rlhf.Maths;

namespace HybridEngine.Rlhf.Tests;

public sealed class PpoLossTests
{
    private static readonly GoldenFamily Golden = GoldenFamily.Open("ppo");

    [Fact]
    public void Policy_RecordedBatches_EqualsPyTorch()
    {
        foreach (GoldenCase c in Golden.Cases("ppo_policy"))
        {
            float[] policy = c.In("cat/new_logp"), weights = new float[policy.Length], gradient = new float[policy.Length], tokenLoss = new float[policy.Length];
            TokenWeights.Fill(Aggregation(c.Text("agg")), c.InInts("cu_completion"), default, weights);
            PolicyStatistics s = PolicyLoss.Compute(policy, c.In("cat/old_logp"), c.In("cat/advantages"), weights,
                new PolicyLossOptions(c.Parameter("eps_low"), c.Parameter("eps_high"), c.Parameter("dual_clip")), gradient, tokenLoss);
            c.CheckArray("token_loss", tokenLoss);
            c.CheckArray("grad_new_logp", gradient);
            c.CheckScalar("loss", s.Loss);
            c.CheckScalar("clip_fraction", s.ClipFraction);
            c.CheckScalar("clip_fraction_dual", s.DualClipFraction);
            c.CheckScalar("approx_kl_k1", s.ApproxKl1);
            c.CheckScalar("approx_kl_k2", s.ApproxKl2);
            c.CheckScalar("approx_kl_k3", s.ApproxKl3);
            c.CheckScalar("ratio_mean", s.RatioMean);
            c.CheckScalar("ratio_max", s.RatioMax);
            c.CheckScalar("ratio_min", s.RatioMin);
        }
    }

    [Fact]
    public void Value_RecordedBatches_EqualsPyTorch()
    {
        foreach (GoldenCase c in Golden.Cases("ppo_value"))
        {
            float[] values = c.In("cat/new_values"), old = c.In("cat/old_values"), returns = c.Out("returns"), weights = new float[values.Length], gradient = new float[values.Length];
            Array.Fill(weights, 1f / values.Length);
            ValueStatistics s = ValueLoss.Compute(values, old, returns, weights, c.Parameter("clip"), c.Parameter("scale") * c.Parameter("vf_coef"), gradient);
            c.CheckArray("grad_new_values", gradient);
            c.CheckScalar("loss", s.Loss);
            c.CheckScalar("loss_before_coef", s.Loss / c.Parameter("vf_coef"));
            c.CheckScalar("clip_fraction", s.ClipFraction);
            c.CheckScalar("value_mean", MaskedStatistics.Mean(values));
            c.CheckScalar("explained_variance", MaskedStatistics.ExplainedVariance(old, returns));
        }
    }

    [Fact]
    public void PolicyEntropyAndKl_FromLogits_EqualsPyTorch()
    {
        foreach (GoldenCase c in Golden.Cases("ppo_from_logits"))
        {
            float[] logits = c.In("cat/logits");
            int[] ids = c.InInts("cat/token_ids");
            int n = ids.Length, vocabulary = logits.Length / n;
            SoftmaxRows rows = new(logits, ids, vocabulary);
            float[] weights = new float[n], dPolicy = new float[n], dEntropy = new float[n], kl = new float[n], dKl = new float[n];
            Array.Fill(weights, 1f / n);
            PolicyStatistics policy = PolicyLoss.Compute(rows.LogProb, c.Out("old_logp"), c.In("cat/advantages"), weights, new PolicyLossOptions(c.Parameter("eps"), c.Parameter("eps")), dPolicy);
            double bonus = EntropyBonus.Compute(rows.Entropy, weights, c.Parameter("entropy_coef"), dEntropy);
            KlPenalty.Estimate(KlEstimator.K3, rows.LogProb, c.Out("ref_logp"), kl, dKl);
            double beta = c.Parameter("beta");
            c.CheckScalar("policy", policy.Loss);
            c.CheckScalar("entropy_mean", MaskedStatistics.Mean(rows.Entropy));
            c.CheckScalar("kl_mean", MaskedStatistics.Mean(kl));
            c.CheckScalar("loss", policy.Loss + bonus + beta * MaskedStatistics.Mean(kl));
            for (int t = 0; t < n; t++) { dPolicy[t] += (float)(beta * dKl[t] / n); }
            c.CheckArray("grad_logits", rows.Backward(dPolicy, dEntropy, default, default));
        }
    }

    [Fact]
    public void Mixture_RecordedBatches_EqualsPyTorch()
    {
        foreach (GoldenCase c in Golden.Cases("ppo_ptx"))
        {
            float[] policy = c.In("cat/new_logp"), weights = new float[policy.Length], gradient = new float[policy.Length];
            Array.Fill(weights, 1f / policy.Length);
            PolicyStatistics s = PolicyLoss.Compute(policy, c.In("cat/old_logp"), c.In("cat/advantages"), weights, new PolicyLossOptions(c.Parameter("eps"), c.Parameter("eps")), gradient);
            c.CheckArray("grad_new_logp", gradient);

            (SoftmaxRows rows, float[] w) = SoftmaxRows.NextToken(c.Out("ptx_logits"), c.Out("ptx_labels"), 3, 6, 23);
            double coefficient = c.Parameter("unsup_coef");
            float[] dLogProb = new float[w.Length];
            double ptx = SupervisedLoss.Compute(rows.LogProb, default, default, w, default, dLogProb);
            c.CheckScalar("ptx", ptx);
            c.CheckScalar("loss", SupervisedLoss.Mixture(s.Loss, ptx, coefficient));
            for (int t = 0; t < w.Length; t++) { dLogProb[t] *= (float)coefficient; }
            c.CheckArray("grad_ptx_logits", rows.Backward(dLogProb, default, default, default));
        }
    }

    [Fact]
    public void Policy_WorkedExample_EqualsHandCalculation()
    {
        // ratio 1.5, clip 0.2, A = 1: max(-1.5, -1.2) = -1.2, no gradient; A = -1: max(1.5, 1.2) = 1.5, gradient -A r = 1.5 (each times weight 0.5).
        float up = MathF.Log(1.5f);
        float[] gradient = new float[2];
        PolicyStatistics s = PolicyLoss.Compute([up, up], [0, 0], [1, -1], [0.5f, 0.5f], new PolicyLossOptions(), gradient);
        Assert.Equal(0.5 * -1.2 + 0.5 * 1.5, s.Loss, 6);
        Assert.Equal(0, gradient[0]);
        Assert.Equal(0.75, gradient[1], 5);
        Assert.Equal(0.5, s.ClipFraction);
    }

    [Fact]
    public void Policy_InTwoParts_AddsUpToTheWhole()
    {
        GoldenCase c = Golden.Cases("ppo_policy").First(x => x.Name.StartsWith("wide", StringComparison.Ordinal));
        float[] l = c.In("cat/new_logp"), o = c.In("cat/old_logp"), a = c.In("cat/advantages"), w = new float[l.Length];
        TokenWeights.Fill(LossAggregation.TokenMean, c.InInts("cu_completion"), default, w);
        int cut = l.Length / 3;
        PolicyStatistics whole = PolicyLoss.Compute(l, o, a, w, new PolicyLossOptions(), default);
        PolicyStatistics parts = PolicyLoss.Compute(l.AsSpan(0, cut), o.AsSpan(0, cut), a.AsSpan(0, cut), w.AsSpan(0, cut), new PolicyLossOptions(), default);
        parts.Add(PolicyLoss.Compute(l.AsSpan(cut), o.AsSpan(cut), a.AsSpan(cut), w.AsSpan(cut), new PolicyLossOptions(), default));
        Assert.Equal(whole.Loss, parts.Loss, 12);
        Assert.Equal(whole.ClipFraction, parts.ClipFraction, 12);
        Assert.Equal(whole.RatioMax, parts.RatioMax);
        Assert.Equal(whole.Tokens, parts.Tokens);
    }

    [Fact]
    public void Policy_NotANumber_ReachesTheLoss()
    {
        float[] gradient = new float[1];
        Assert.True(double.IsNaN(PolicyLoss.Compute([float.NaN], [0], [1], [1], new PolicyLossOptions(), gradient).Loss));
        Assert.True(float.IsNaN(gradient[0]));
    }

    [Fact]
    public void Value_WorkedExample_EqualsHandCalculation()
    {
        // vOld 0, v 1, clip 0.2, R 2: max((1-2)^2, (0.2-2)^2) = 3.24, half of it 1.62, clipped: no gradient. R -1: max(4, 1.44) = 4: gradient (1 - -1) = 2.
        float[] gradient = new float[1];
        Assert.Equal(1.62, ValueLoss.Compute([1], [0], [2], [1], 0.2, 0.5, gradient).Loss, 6);
        Assert.Equal(0, gradient[0]);
        Assert.Equal(2, ValueLoss.Compute([1], [0], [-1], [1], 0.2, 0.5, gradient).Loss, 6);
        Assert.Equal(2, gradient[0]);
    }

    internal static LossAggregation Aggregation(string name) => name switch
    {
        "token_mean" => LossAggregation.TokenMean,
        "seq_mean_token_mean" => LossAggregation.SequenceMeanTokenMean,
        "seq_mean_token_sum" => LossAggregation.SequenceMeanTokenSum,
        _ => throw new ArgumentException(name),
    };
}
