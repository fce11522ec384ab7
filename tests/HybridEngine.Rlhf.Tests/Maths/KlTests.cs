using HybridEngine.Rlhf.Maths;

namespace HybridEngine.Rlhf.Tests;

public sealed class KlTests
{
    private static readonly GoldenFamily Golden = GoldenFamily.Open("kl");

    [Theory]
    [InlineData("k1", KlEstimator.K1)]
    [InlineData("k2", KlEstimator.K2)]
    [InlineData("k3", KlEstimator.K3)]
    [InlineData("abs", KlEstimator.Abs)]
    public void Estimate_RecordedBatches_EqualsPyTorch(string name, KlEstimator estimator)
    {
        foreach (GoldenCase c in Golden.Cases("kl_" + name))
        {
            float[] policy = c.In("cat/new_logp"), kl = new float[policy.Length], gradient = new float[policy.Length];
            KlPenalty.Estimate(estimator, policy, c.In("cat/ref_logp"), kl, gradient);
            c.CheckArray("kl", kl);
            c.CheckScalar("mean", MaskedStatistics.Mean(kl));
            c.CheckArray("grad_new_logp", Array.ConvertAll(gradient, g => g / policy.Length));
        }
    }

    [Fact]
    public void Full_RecordedBatches_EqualsPyTorch()
    {
        foreach (GoldenCase c in Golden.Cases("kl_full"))
        {
            float[] logits = c.In("cat/logits");
            int vocabulary = c.InShape("cat/logits")[1], tokens = logits.Length / vocabulary;
            float[] kl = new float[tokens], gradient = new float[logits.Length];
            KlPenalty.Full(logits, c.In("cat/ref_logits"), vocabulary, kl, gradient);
            c.CheckArray("kl", kl);
            c.CheckScalar("mean", MaskedStatistics.Mean(kl));
            c.CheckArray("grad_logits", Array.ConvertAll(gradient, g => g / tokens));
        }
    }

    [Fact]
    public void Next_RecordedKl_EqualsZiegler()
    {
        foreach (GoldenCase c in Golden.Cases("kl_controller_adaptive"))
        {
            KlController k = new(c.Parameter("init"), c.Parameter("target"), c.Parameter("horizon"));
            double[] observed = c.List("observed_kl"), expected = c.ScalarList("coefficient_after");
            for (int i = 0; i < observed.Length; i++)
            {
                k = k.Next(observed[i], (int)c.Parameter("n_steps"));
                Close.Scalar(expected[i], k.Coefficient, $"step {i}");
            }
        }
    }

    [Fact]
    public void Next_WithoutTarget_StaysFixed() => Assert.Equal(0.05, new KlController(0.05).Next(100, 256).Coefficient);

    [Fact]
    public void Estimate_WorkedExample_EqualsHandCalculation()
    {
        // log p = log 0.5, log q = log 0.25: d = ln 2 = 0.6931; k2 = 0.2402; k3 = exp(-d) + d - 1 = 0.5 + 0.6931 - 1 = 0.1931.
        float p = MathF.Log(0.5f), q = MathF.Log(0.25f);
        float[] kl = new float[1];
        KlPenalty.Estimate(KlEstimator.K1, [p], [q], kl);
        Assert.Equal(0.693147, kl[0], 5);
        KlPenalty.Estimate(KlEstimator.K2, [p], [q], kl);
        Assert.Equal(0.240227, kl[0], 5);
        KlPenalty.Estimate(KlEstimator.K3, [p], [q], kl);
        Assert.Equal(0.193147, kl[0], 5);
    }

    [Fact]
    public void Estimate_LengthsDisagree_ThrowsNamingTheArgument() =>
        Assert.Equal("reference", Assert.Throws<ArgumentException>(() => KlPenalty.Estimate(KlEstimator.K1, new float[3], new float[2], new float[3])).ParamName);
}
