using HybridEngine.Rlhf.Maths;

namespace HybridEngine.Rlhf.Tests;

/// <summary>The padded layouts of DeepSpeed-Chat and TRL through the packed functions: segments of one position more, the score at that position.</summary>
public sealed class PaddedTrainersTests
{
    private static readonly GoldenFamily Golden = GoldenFamily.Open("ppo_padded");

    [Fact]
    public void DeepSpeedChat_RecordedRows_EqualsItsTrainer()
    {
        foreach (GoldenCase c in Golden.Cases("deepspeed_chat_ppo"))
        {
            Rows r = new(c);
            // Segments reach from the prompt's first prediction to one position after the answer; the KL term of that padding prediction stays in.
            int[] score = Enumerable.Range(0, r.Count).Select(i => Math.Min(r.Start + r.Answer[i], r.Width - 1)).ToArray();
            (float[] rewards, float[] advantages, float[] returns, int[] offsets) = r.Advantages(0, score, paddingKl: true, c.Parameter("kl_ctl"), c.Parameter("clip_reward_value"), KlEstimator.K1, null, false,
                c.Parameter("gamma"), c.Parameter("lam"));
            c.CheckArray("rewards", r.Pad(rewards, offsets, 0, r.Width));
            c.CheckArray("advantages", r.Pad(advantages, offsets, r.Start, r.Width));
            c.CheckArray("returns", r.Pad(returns, offsets, r.Start, r.Width));

            (float[] weights, _) = r.AnswerWeights(extra: 0);
            float[] adv = r.Pad(advantages, offsets, 0, r.Width), ret = r.Pad(returns, offsets, 0, r.Width), gradient = new float[weights.Length];
            PolicyStatistics policy = PolicyLoss.Compute(r.New, r.Old, adv, weights, new PolicyLossOptions(c.Parameter("cliprange"), c.Parameter("cliprange")), gradient);
            c.CheckScalar("actor_loss", policy.Loss);
            c.CheckArray("grad_new_logp", gradient);
            ValueStatistics value = ValueLoss.Compute(r.NewValues, r.Values, ret, weights, c.Parameter("cliprange_value"), 0.5, gradient);
            c.CheckScalar("critic_loss", value.Loss);
            c.CheckArray("grad_new_values", gradient);
        }
    }

    [Fact]
    public void Trl_RecordedRows_EqualsItsTrainer()
    {
        foreach (GoldenCase c in Golden.Cases("trl_ppo"))
        {
            Rows r = new(c);
            KlEstimator estimator = c.Text("kl_estimator") == "k1" ? KlEstimator.K1 : KlEstimator.K3;
            int[] score = Enumerable.Range(0, r.Count).Select(i => Math.Min(r.Answer[i], r.AnswerWidth - 1)).ToArray();
            (float[] rewards, float[] advantages, float[] returns, int[] offsets) = r.Advantages(r.Start, score, paddingKl: false, c.Parameter("kl_coef"), 0, estimator, c.Parameter("missing_eos_penalty"),
                c.Flag("whiten_rewards"), c.Parameter("gamma"), c.Parameter("lam"));
            c.CheckArray("rewards", r.Pad(rewards, offsets, r.Start, r.Width, r.Start));
            c.CheckArray("returns", r.Pad(returns, offsets, r.Start, r.Width, r.Start));

            float[] adv = r.Pad(advantages, offsets, 0, r.Width, r.Start), ret = r.Pad(returns, offsets, 0, r.Width, r.Start);
            (float[] weights, bool[] mask) = r.AnswerWeights(extra: 0);
            MaskedStatistics.Whiten(adv, mask);
            c.CheckArray("advantages", r.Columns(adv, r.Start));
            float[] gradient = new float[weights.Length];
            PolicyStatistics policy = PolicyLoss.Compute(r.New, r.Old, adv, weights, new PolicyLossOptions(c.Parameter("cliprange"), c.Parameter("cliprange")), gradient);
            c.CheckScalar("policy_loss", policy.Loss);
            c.CheckScalar("policy_clip_fraction", policy.ClipFraction);
            c.CheckScalar("approx_kl", policy.ApproxKl2 * policy.Tokens / (r.Count * r.AnswerWidth));   // TRL averages over padding too
            c.CheckArray("grad_new_logp", gradient);
            (float[] valueWeights, _) = r.AnswerWeights(extra: 1);
            ValueStatistics value = ValueLoss.Compute(r.NewValues, r.Values, ret, valueWeights, c.Parameter("cliprange_value"), 0.5 * c.Parameter("vf_coef"), gradient);
            c.CheckScalar("value_loss", value.Loss / c.Parameter("vf_coef"));
            c.CheckScalar("value_clip_fraction", value.ClipFraction);
            c.CheckScalar("loss", policy.Loss + value.Loss);
            c.CheckArray("grad_new_values", gradient);
        }
    }

    /// <summary>Rows of [count, width] predictions; index j predicts token j + 1; answers begin at <see cref="Start"/>.</summary>
    private sealed class Rows
    {
        public Rows(GoldenCase c)
        {
            (Old, New, Reference, Values, NewValues, Scores) = (c.In("old_logp"), c.In("new_logp"), c.In("ref_logp"), c.In("old_values"), c.In("new_values"), c.In("scores"));
            Answer = c.InInts("completion_len");
            Count = Answer.Length;
            Width = Old.Length / Count;
            AnswerWidth = Golden.Document.GetProperty("batches").GetProperty(c.Batch).GetProperty("answer_width").GetInt32();
            Start = Width - AnswerWidth;
        }

        public float[] Old { get; }

        public float[] New { get; }

        public float[] Reference { get; }

        public float[] Values { get; }

        public float[] NewValues { get; }

        public float[] Scores { get; }

        public int[] Answer { get; }

        public int Count { get; }

        public int Width { get; }

        public int AnswerWidth { get; }

        public int Start { get; }

        public (float[] Rewards, float[] Advantages, float[] Returns, int[] Offsets) Advantages(int from, int[] scoreIndices, bool paddingKl, double klCoefficient, double clip, KlEstimator estimator, double? missingEnd,
            bool whiten, double gamma, double lambda)
        {
            int[] offsets = new int[Count + 1];
            List<float> old = [], reference = [], values = [];
            float[] scores = new float[Count];
            for (int i = 0; i < Count; i++)
            {
                int end = Math.Min(Start + Answer[i] + 1, Width);
                for (int j = from; j < end; j++)
                {
                    bool padding = j == Start + Answer[i];
                    old.Add(Old[i * Width + j]);
                    reference.Add(padding && !paddingKl ? old[^1] : Reference[i * Width + j]);
                    values.Add(Values[i * Width + j]);
                }

                offsets[i + 1] = old.Count;
                scores[i] = (float)TokenRewards.Shape(Scores[i], missingEnd is null || Answer[i] < AnswerWidth, missingEnd ?? 0, clip);
            }

            float[] rewards = new float[old.Count], advantages = new float[old.Count], returns = new float[old.Count];
            KlPenalty.Estimate(estimator, old.ToArray(), reference.ToArray(), rewards);
            TokenRewards.Fill(rewards, klCoefficient, scores, offsets, scoreIndices, rewards);
            if (whiten) { MaskedStatistics.Whiten(rewards, keepMean: true); }
            GeneralizedAdvantage.Compute(rewards, values.ToArray(), offsets, gamma, lambda, advantages, returns);
            return (rewards, advantages, returns, offsets);
        }

        /// <summary>Packed segments that start at column <paramref name="from"/>, back into rows; columns before <paramref name="first"/> are cut off or, for packed data that lacks them, 0.</summary>
        public float[] Pad(float[] packed, int[] offsets, int first, int width, int from = 0)
        {
            float[] rows = new float[Count * (width - first)];
            for (int i = 0; i < Count; i++)
            {
                for (int t = offsets[i]; t < offsets[i + 1]; t++)
                {
                    int column = from + t - offsets[i] - first;
                    if (column >= 0) { rows[i * (width - first) + column] = packed[t]; }
                }
            }

            return rows;
        }

        public float[] Columns(float[] rows, int first) => [.. Enumerable.Range(0, Count).SelectMany(i => rows.Skip(i * Width + first).Take(Width - first))];

        public (float[] Weights, bool[] Mask) AnswerWeights(int extra)
        {
            bool[] mask = new bool[Count * Width];
            for (int i = 0; i < Count; i++)
            {
                for (int j = Start; j < Math.Min(Start + Answer[i] + extra, Width); j++) { mask[i * Width + j] = true; }
            }

            float[] weights = new float[mask.Length];
            TokenWeights.Fill(LossAggregation.TokenMean, [.. Enumerable.Range(0, Count + 1).Select(i => i * Width)], mask, weights);
            return (weights, mask);
        }
    }
}
