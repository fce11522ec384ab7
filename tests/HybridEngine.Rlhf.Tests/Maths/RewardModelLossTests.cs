using HybridEngine.Rlhf.Maths;

namespace HybridEngine.Rlhf.Tests;

public sealed class RewardModelLossTests
{
    private static readonly GoldenFamily Golden = GoldenFamily.Open("reward_model");

    [Fact]
    public void BradleyTerry_RecordedBatches_EqualsPyTorch()
    {
        foreach (GoldenCase c in Golden.Cases("reward_pairwise"))
        {
            float[] values = c.In("token_values");
            int[] lengths = c.InInts("length");
            int n = lengths.Length / 2, width = values.Length / lengths.Length;
            float[] scores = [.. lengths.Select((l, i) => values[i * width + l - 1])], d = new float[2 * n], gradient = new float[values.Length];
            PairStatistics s = RewardModelLoss.BradleyTerry(scores.AsSpan(0, n), scores.AsSpan(n), c.Flag("margin") ? c.In("margin") : default, c.Parameter("center"), 1.0 / n, d.AsSpan(0, n), d.AsSpan(n));
            for (int i = 0; i < 2 * n; i++) { gradient[i * width + lengths[i] - 1] = d[i]; }
            c.CheckArray("scores", scores);
            c.CheckArray("grad_token_values", gradient);
            c.CheckScalar("loss", s.Loss);
            c.CheckScalar("accuracy", s.Accuracy);
            c.CheckScalar("margin", s.MeanMargin);
        }
    }

    [Fact]
    public void PerToken_RecordedPaddedRows_EqualsDeepSpeedChat()
    {
        foreach (GoldenCase c in Golden.Cases("reward_deepspeed_chat"))
        {
            float[] values = c.In("token_values"), gradient = new float[values.Length];
            int[] ids = c.InInts("input_ids"), spans = Array.ConvertAll(c.Out("spans"), x => (int)x);
            int width = c.InShape("input_ids")[1], n = ids.Length / width / 2, pad = (int)c.Parameter("pad_id"), skip = (int)c.Parameter("num_padding_at_beginning");
            double loss = 0;
            int correct = 0;
            float[] chosenScores = new float[n], rejectedScores = new float[n];
            for (int i = 0; i < n; i++)
            {
                ReadOnlySpan<int> a = ids.AsSpan(i * width, width), b = ids.AsSpan((n + i) * width, width);
                int start = RewardModelLoss.FirstDifference(a, b), chosenEnd = ScorePosition.End(a, pad, skip), rejectedEnd = ScorePosition.End(b, pad, skip);
                int end = a.SequenceEqual(b) ? width : Math.Max(chosenEnd, rejectedEnd);
                Assert.Equal([spans[2 * i], spans[2 * i + 1]], [start, end]);
                loss += RewardModelLoss.PerToken(values.AsSpan(i * width, end), values.AsSpan((n + i) * width, end), start, 1.0 / n,
                    gradient.AsSpan(i * width, end), gradient.AsSpan((n + i) * width, end)).Loss;
                chosenScores[i] = values[i * width + chosenEnd - 1];
                rejectedScores[i] = values[(n + i) * width + rejectedEnd - 1];
                correct += chosenScores[i] > rejectedScores[i] ? 1 : 0;
            }

            c.CheckScalar("loss", loss);
            c.CheckScalar("accuracy", (double)correct / n);
            c.CheckArray("grad_token_values", gradient);
            c.CheckArray("chosen_scores", chosenScores);
            c.CheckArray("rejected_scores", rejectedScores);
        }
    }

    [Fact]
    public void BeforeFirstPadding_PaddingInsideTheAnswer_DiffersFromLastReal()
    {
        GoldenCase first = Golden.Cases("score_position_deepspeed_chat").Single(), last = Golden.Cases("score_position_last_non_pad").Single();
        int[] ids = first.InInts("input_ids");
        int width = first.InShape("input_ids")[1], pad = (int)first.Parameter("pad_id"), prompt = (int)first.Parameter("prompt_length"), different = 0;
        for (int i = 0; i < ids.Length / width; i++)
        {
            ReadOnlySpan<int> row = ids.AsSpan(i * width, width);
            int a = ScorePosition.BeforeFirstPadding(row, prompt, pad), b = ScorePosition.LastReal(row, pad);
            Assert.Equal((int)first.Out("position")[i], a);
            Assert.Equal((int)last.Out("position")[i], b);
            different += a != b ? 1 : 0;
        }

        Assert.Equal(1, different);
    }

    [Fact]
    public void PerToken_FinishedAnswer_HoldsItsLastValue()
    {
        // chosen (0, 1, 3), rejected (0, 2), first difference at 1: positions 1 and 2 compare 1 with 2 and 3 with 2 (held).
        float[] dChosen = new float[3], dRejected = new float[2];
        PairStatistics s = RewardModelLoss.PerToken([0, 1, 3], [0, 2], 1, 1, dChosen, dRejected);
        double a = Math.Log(1 + Math.E), b = Math.Log(1 + 1 / Math.E);
        Assert.Equal((a + b) / 2, s.Loss, 6);
        Assert.Equal(0, dChosen[0]);
        Assert.Equal(-(dChosen[1] + dChosen[2]), dRejected[1], 6);
        Assert.Equal(1, s.Correct);
    }

    [Fact]
    public void BradleyTerry_WorkedExample_EqualsHandCalculation()
    {
        // c - r = 1: -log sigmoid(1) = 0.3133; with margin 1: log 2.
        Assert.Equal(0.31326, RewardModelLoss.BradleyTerry([2], [1], default, 0, 1, default, default).Loss, 5);
        Assert.Equal(Math.Log(2), RewardModelLoss.BradleyTerry([2], [1], [1f], 0, 1, default, default).Loss, 12);
    }

    [Fact]
    public void BradleyTerry_HugeDifference_StaysFinite()
    {
        float[] c = new float[2], r = new float[2];
        PairStatistics s = RewardModelLoss.BradleyTerry([1e30f, -1e4f], [-1e30f, 1e4f], default, 0, 0.5, c, r);
        Assert.Equal(1e4, s.Loss, 6);
        Assert.Equal([0f, -0.5f], c);
    }

    [Fact]
    public void FirstDifference_OneBeginsTheOther_IsTheShorterLength()
    {
        Assert.Equal(2, RewardModelLoss.FirstDifference([1, 2], [1, 2, 3]));
        Assert.Equal(1, RewardModelLoss.FirstDifference([1, 5], [1, 2, 3]));
        Assert.Equal(1, RewardModelLoss.FirstDifference([1, 2], [1, 2]));
    }
}
