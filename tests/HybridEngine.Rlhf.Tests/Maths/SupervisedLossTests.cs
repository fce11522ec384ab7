using HybridEngine.Rlhf.Maths;

namespace HybridEngine.Rlhf.Tests;

public sealed class SupervisedLossTests
{
    private static readonly GoldenFamily Golden = GoldenFamily.Open("sft");

    [Fact]
    public void Compute_RecordedBatches_EqualsPyTorch()
    {
        foreach (GoldenCase c in Golden.Cases("cross_entropy"))
        {
            (SoftmaxRows rows, int[] targets, int[] offsets) = Pack(c, c.Text("mask") == "all" ? "all" : "completion");
            bool[] mask = Array.ConvertAll(targets, t => t >= 0);
            int n = targets.Length, items = mask.Count(m => m);
            float[] weights = new float[n], dLogProb = new float[n], dLse = new float[n], dMean = new float[n];
            if (c.Text("reduce") == "sum_over_items")
            {
                for (int t = 0; t < n; t++) { weights[t] = mask[t] ? (float)(1 / c.Parameter("num_items_in_batch")) : 0; }
            }
            else
            {
                TokenWeights.Fill(c.Text("reduce") == "token_mean" ? LossAggregation.TokenMean : LossAggregation.SequenceMeanTokenMean, offsets, mask, weights);
            }

            double loss = SupervisedLoss.Compute(rows.LogProb, rows.LogSumExp, rows.MeanLogit, weights,
                new SupervisedLossOptions(c.Parameter("label_smoothing"), c.Parameter("z_loss")), dLogProb, dLse, dMean);
            c.CheckScalar("loss", loss);
            c.CheckArray("grad_logits", rows.Backward(dLogProb, default, dLse, dMean));
            double nll = -MaskedStatistics.Mean(rows.LogProb, mask);
            c.CheckScalar("mean_nll", nll);
            c.CheckScalar("perplexity", SupervisedLoss.Perplexity(nll));
            c.CheckScalar("entropy", MaskedStatistics.Mean(rows.Entropy, mask));
            c.CheckScalar("token_accuracy", targets.Select((t, i) => t >= 0 && rows.ArgMax[i] == t ? 1.0 : 0).Sum() / items);
            c.CheckScalar("num_label_tokens", items);
        }
    }

    [Fact]
    public void Compute_TwoMicroBatchesWithCommonDivisor_EqualsTheUndividedBatch()
    {
        foreach (GoldenCase c in Golden.Cases("cross_entropy_accumulated"))
        {
            (SoftmaxRows rows, int[] targets, int[] offsets) = Pack(c, "completion");
            float w = (float)(1 / c.Parameter("num_items_in_batch"));
            float[] weights = Array.ConvertAll(targets, t => t >= 0 ? w : 0), gradient = new float[targets.Length];
            int cut = offsets[(int)c.List("micro_batches")[0]];
            double first = SupervisedLoss.Compute(rows.LogProb.AsSpan(0, cut), default, default, weights.AsSpan(0, cut), default, gradient.AsSpan(0, cut));
            double second = SupervisedLoss.Compute(rows.LogProb.AsSpan(cut), default, default, weights.AsSpan(cut), default, gradient.AsSpan(cut));
            c.CheckScalar("part_0", first);
            c.CheckScalar("part_1", second);
            c.CheckScalar("loss", first + second);
            c.CheckArray("grad_logits", rows.Backward(gradient, default, default, default));
        }
    }

    [Fact]
    public void Compute_WorkedExample_EqualsHandCalculation()
    {
        // p = 0.5 and 0.25: mean negative log-likelihood (0.6931 + 1.3863) / 2 = 1.0397, perplexity 2.8284.
        float[] gradient = new float[2];
        double loss = SupervisedLoss.Compute([MathF.Log(0.5f), MathF.Log(0.25f)], default, default, [0.5f, 0.5f], default, gradient);
        Assert.Equal(1.03972, loss, 4);
        Assert.Equal(2.82843, SupervisedLoss.Perplexity(loss), 4);
        Assert.Equal([-0.5f, -0.5f], gradient);
    }

    [Fact]
    public void Compute_SmoothingWithoutMeanLogit_ThrowsNamingTheArgument() =>
        Assert.Equal("meanLogit", Assert.Throws<ArgumentException>(() => SupervisedLoss.Compute([0f], [0f], default, [1f], new SupervisedLossOptions(0.1), new float[1])).ParamName);

    /// <summary>The packed form: row t predicts the label of row t + 1 of the same sequence; -1 where there is none.</summary>
    private static (SoftmaxRows Rows, int[] Targets, int[] Offsets) Pack(GoldenCase c, string mask)
    {
        float[] logits = c.In("cat/logits");
        int vocabulary = c.InShape("cat/logits")[1], width = c.InShape("labels_all")[1];
        int[] offsets = c.InInts("cu_sequence"), labels = c.InInts("labels_" + mask), targets = new int[logits.Length / vocabulary];
        Array.Fill(targets, -1);
        for (int s = 0; s + 1 < offsets.Length; s++)
        {
            for (int j = 0; j + 1 < offsets[s + 1] - offsets[s]; j++)
            {
                int label = labels[s * width + j + 1];
                targets[offsets[s] + j] = label == -100 ? -1 : label;
            }
        }

        return (new SoftmaxRows(logits, targets, vocabulary), targets, offsets);
    }
}
