using HybridEngine.Core;
using HybridEngine.Models;
using HybridEngine.Reference;
using HybridEngine.Rlhf.Maths;
using HybridEngine.Training;

namespace HybridEngine.Rlhf.Tests;

/// <summary>Whole training runs of PyTorch in float64, repeated by the trainers.</summary>
public sealed class TrajectoryTests
{
    [SkippableTheory]
    [InlineData("sft_llama", "llama", 0)]
    [InlineData("sft_llama", "llama", 37)]
    [InlineData("sft_opt", "opt", 0)]
    public void Sft_TwentySteps_EqualsPyTorch(string name, string model, int microBatchTokens)
    {
        Trajectory t = new(name);
        SftOptions options = t.Common(new SftOptions());
        int width = (int)t.Number("width"), perStep = (int)(t.Number("micro_batch_size") * t.Number("micro_batches"));
        (options.BatchSize, options.MicroBatchTokens) = (perStep, microBatchTokens);
        int[] ids = t.Ints("input_ids"), prompts = t.Ints("prompt_len"), lengths = t.Ints("length");
        bool completionOnly = name != "sft_opt";
        List<TrainingSequence> sequences = [.. lengths.Select((n, i) => TrainingSequence.FromPrompt(ids.AsSpan(i * width, n).ToArray(), completionOnly ? prompts[i] : 0))];

        using ReferenceKernels kernels = new();
        using Decoder decoder = Trajectory.Load(kernels, model);
        using TrainableLanguageModel trainable = new(decoder, options.Training());
        SftTrainer trainer = new(options, trainable, new ListStream<TrainingSequence>(sequences));
        for (int step = 0; step < options.Steps; step++)
        {
            StepMetrics m = trainer.Step();
            t.Check("loss", step, m["loss"]);
            t.Check("grad_norm", step, m["grad_norm"]);
            t.Check("lr", step, m["learning_rate"]);
            t.Check("label_tokens", step, m["learned_tokens"]);
        }

        t.CheckWeights(decoder);
    }

    [SkippableTheory]
    [InlineData(0)]
    [InlineData(50)]
    public void Reward_FiveSteps_EqualsPyTorch(int microBatchTokens)
    {
        Trajectory t = new("rm_llama");
        RewardOptions options = t.Common(new RewardOptions());
        (options.BatchSize, options.MicroBatchTokens, options.CenterRewardsCoefficient) = ((int)t.Number("pairs"), microBatchTokens, t.Number("center"));
        int[] ids = t.Ints("input_ids"), lengths = t.Ints("length");
        int width = (int)t.Number("width"), n = options.BatchSize;
        List<Comparison> pairs = [];
        for (int step = 0; step < options.Steps; step++)
        {
            for (int i = 0; i < n; i++)
            {
                int chosen = step * 2 * n + i, rejected = chosen + n;
                pairs.Add(new Comparison([ids.AsSpan(chosen * width, lengths[chosen]).ToArray(), ids.AsSpan(rejected * width, lengths[rejected]).ToArray()], [new RankedPair(0, 1)]));
            }
        }

        using ReferenceKernels kernels = new();
        using TrainableScalarModel model = Trajectory.LoadCritic(kernels, options.Training());
        RewardTrainer trainer = new(options, model, new ListStream<Comparison>(pairs));
        for (int step = 0; step < options.Steps; step++)
        {
            StepMetrics m = trainer.Step();
            t.Check("loss", step, m["loss"]);
            t.Check("grad_norm", step, m["grad_norm"]);
            t.Check("accuracy", step, m["accuracy"]);
        }

        t.CheckWeights(model.Body);
        t.CheckHead(model.Head);
    }

    [SkippableTheory]
    [InlineData(0)]
    [InlineData(45)]
    public void Ppo_FiveSteps_EqualsPyTorch(int microBatchTokens)
    {
        Trajectory t = new("ppo_llama");
        PpoOptions options = t.Common(new PpoOptions());
        options.MicroBatchTokens = microBatchTokens;
        (options.KlCoefficient, options.RewardClip, options.Gamma, options.Lambda) = (t.Number("kl_coef"), t.Number("score_clip"), t.Number("gamma"), t.Number("lam"));
        (options.ClipRatio, options.ValueClip, options.WhitenAdvantages, options.CriticLearningRate) = (t.Number("clip"), t.Number("value_clip"), false, t.Number("critic_lr"));
        PpoBatch batch = Recorded(t, options);

        using ReferenceKernels kernels = new();
        using Decoder actor = Trajectory.Load(kernels, "llama");
        using HybridModel policy = HybridModel.Of(actor, new ModelSaveOptions { ConfigJson = "{}" }, options: new HybridOptions { Training = options.Training() });
        using TrainableScalarModel critic = Trajectory.LoadCritic(kernels, options.Training());
        PpoTrainer trainer = new(options, new PpoModels(policy, critic, null!, null!), new ListStream<RolloutPrompt>([]), _ => "");
        int[] all = [.. Enumerable.Range(0, batch.Rollouts.Count)];
        for (int step = 0; step < options.Steps; step++)
        {
            PpoTrainer.Training s = new();
            trainer.TrainMinibatch(batch, all, options.LearningRate, options.CriticLearningRate, s, measureMismatch: true);
            t.Check("policy_loss", step, s.Policy.Loss);
            t.Check("value_loss", step, s.Value.Loss);
            t.Check("actor_grad_norm", step, s.ActorNorm);
            t.Check("critic_grad_norm", step, s.CriticNorm);
            t.Check("clip_fraction", step, s.Policy.ClipFraction);
            t.Check("value_clip_fraction", step, s.Value.ClipFraction);
            t.Check("approx_kl_k1", step, s.Policy.ApproxKl1);
            t.Check("approx_kl_k3", step, s.Policy.ApproxKl3);
            t.Check("ratio_mean", step, s.Policy.RatioMean);
            t.Check("entropy", step, s.Entropy);
        }

        t.CheckWeights(actor, "actor.");
        t.CheckWeights(critic.Body, "critic.");
        t.CheckHead(critic.Head, "critic.");
    }

    /// <summary>The stored rollouts; their advantages and returns are computed here and compared.</summary>
    private static PpoBatch Recorded(Trajectory t, PpoOptions options)
    {
        int[] ids = t.Ints("input_ids"), prompts = t.Ints("prompt_len"), lengths = t.Ints("length");
        int width = (int)t.Number("width"), columns = width - 1;
        float[] old = t.Floats("old_logp"), reference = t.Floats("ref_logp"), values = t.Floats("old_values"), scores = t.Floats("scores");
        List<Rollout> rollouts = [];
        for (int i = 0; i < lengths.Length; i++)
        {
            int[] row = ids.AsSpan(i * width, lengths[i]).ToArray();
            rollouts.Add(new Rollout(new RolloutPrompt(row[..prompts[i]], null), row[prompts[i]..], old.AsSpan(i * columns + prompts[i] - 1, lengths[i] - prompts[i]).ToArray(), true, ""));
        }

        PpoBatch batch = new(rollouts);
        for (int i = 0; i < lengths.Length; i++)
        {
            int from = i * columns + prompts[i] - 1, n = lengths[i] - prompts[i];
            reference.AsSpan(from, n).CopyTo(batch.ReferenceLogProbs.AsSpan(batch.Offsets[i]));
            values.AsSpan(from, n).CopyTo(batch.Values.AsSpan(batch.Offsets[i]));
            scores[i] = (float)TokenRewards.Shape(scores[i], true, 0, options.RewardClip);
        }

        batch.Finish(scores, options.KlCoefficient, options);
        float[] advantages = t.Floats("advantages"), returns = t.Floats("returns");
        for (int i = 0; i < lengths.Length; i++)
        {
            for (int k = 0; k < lengths[i] - prompts[i]; k++)
            {
                int at = i * columns + prompts[i] - 1 + k, token = batch.Offsets[i] + k;
                Assert.Equal(advantages[at], batch.Advantages[token], 1e-5);
                Assert.Equal(returns[at], batch.Returns[token], 1e-5);
            }
        }

        return batch;
    }
}
