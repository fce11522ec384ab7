using System.Diagnostics;
using HybridEngine.Models;
using HybridEngine.Rlhf.Maths;
using HybridEngine.Training;

namespace HybridEngine.Rlhf;

/// <summary>Options of supervised fine-tuning.</summary>
public sealed record SftOptions : TrainerOptions
{
    /// <summary>How tokens weigh.</summary>
    [Option("token_mean: every learned token of the step weighs the same; sequence_mean: every sequence does", Choices = "token_mean,sequence_mean")]
    public string LossAggregation { get; set; } = "token_mean";

    /// <summary>z.</summary>
    [Option("Weight of logsumexp^2, which keeps logits from drifting", Min = 0)]
    public double ZLoss { get; set; }

    /// <summary>Balance.</summary>
    [Option("Weight of the load-balancing loss of models with experts (transformers' router_aux_loss_coef)", Min = 0)]
    public double ExpertBalance { get; set; }

    /// <summary>What is learned.</summary>
    [Option("Learn completions and assistant turns only, or prompts too", Choices = "completion,all")]
    public string LearnOn { get; set; } = "completion";

    /// <inheritdoc />
    public override TrainingOptions Training(double headLearningRateScale = 1) => base.Training(headLearningRateScale) with { ExpertBalance = ExpertBalance > 0 };
}

/// <summary>What an evaluation of a language model gives.</summary>
/// <param name="Loss">Mean negative log-likelihood, nats per learned token.</param>
/// <param name="Tokens">Learned tokens.</param>
public readonly record struct LanguageModelEvaluation(double Loss, long Tokens)
{
    /// <summary><c>exp(loss)</c>.</summary>
    public double Perplexity => SupervisedLoss.Perplexity(Loss);
}

/// <summary>Supervised fine-tuning: cross-entropy of demonstrated tokens (Ouyang et al. 2022, step 1).</summary>
/// <remarks>
/// Repeat: draw <c>batch_size</c> sequences; minimise <c>-sum_t w[t] log p(x[t] | x[&lt;t])</c> over their learned tokens; one AdamW step. The weights are made once for the
/// whole step, so cutting it into micro-batches changes nothing but the order of a sum.
/// </remarks>
public sealed class SftTrainer
{
    private readonly SftOptions _options;
    private readonly TrainableLanguageModel _model;
    private readonly StepStream<TrainingSequence> _steps;

    /// <param name="options">Options; <see cref="TrainerOptions.Steps"/> is the length of the schedule.</param>
    /// <param name="model">What is trained.</param>
    /// <param name="data">Sequences.</param>
    public SftTrainer(SftOptions options, TrainableLanguageModel model, IDataStream<TrainingSequence> data)
    {
        (_options, _model, _steps) = (options, model, new StepStream<TrainingSequence>(options, data));
    }

    /// <summary>Optimizer steps taken.</summary>
    public int StepsDone => _steps.StepsDone;

    /// <summary>Everything that is not weights or moments, for a checkpoint.</summary>
    public TrainerState State
    {
        get => _steps.State;
        set => _steps.State = value;
    }

    /// <summary>One optimizer step.</summary>
    public StepMetrics Step()
    {
        long start = Stopwatch.GetTimestamp();

        TrainingSequence[] batch = _steps.Draw();

        // Forward, loss and backward, micro-batch by micro-batch.
        (double loss, long learned) = Accumulate(_model, batch, _options);

        (double rate, StepResult step) = _steps.Step(_model.Step);

        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        long tokens = batch.Sum(s => (long)s.Ids.Length);
        return new StepMetrics(StepsDone)
        {
            Seconds = seconds,
            Tokens = tokens,
            ["loss"] = loss,
            ["grad_norm"] = step.GradientNorm,
            ["learning_rate"] = rate,
            ["tokens_per_second"] = tokens / seconds,
            ["learned_tokens"] = learned,
        };
    }

    /// <summary>Mean loss over sequences; nothing is trained.</summary>
    /// <param name="model">Any language model.</param>
    /// <param name="sequences">What to predict.</param>
    /// <param name="microBatchTokens">Tokens in one forward, at most; 0 is no limit.</param>
    public static LanguageModelEvaluation Evaluate(TrainableLanguageModel model, IReadOnlyList<TrainingSequence> sequences, int microBatchTokens = 4096)
    {
        ArgumentNullException.ThrowIfNull(model);
        double sum = 0;
        long tokens = 0;
        foreach ((int a, int b) in MicroBatches.Cut([.. sequences.Select(s => s.Ids.Length)], microBatchTokens))
        {
            (PackedBatch packed, TokenSelection selection, _) = Pack(sequences, a, b);
            if (selection.Count == 0) { continue; }
            foreach (float p in model.Score(packed, selection).LogProbs) { sum -= p; }
            tokens += selection.Count;
        }

        return new LanguageModelEvaluation(tokens == 0 ? 0 : sum / tokens, tokens);
    }

    /// <summary>Adds the gradient of <c>scale</c> times the mean loss of a batch; also PPO's mixture with language modelling. Returns the unscaled loss and the learned tokens.</summary>
    internal static (double Loss, long Learned) Accumulate(TrainableLanguageModel model, IReadOnlyList<TrainingSequence> batch, SftOptions options, double scale = 1)
    {
        long learned = batch.Sum(s => (long)s.LearnedTokens), tokens = batch.Sum(s => (long)s.Ids.Length);
        int counted = batch.Count(s => s.LearnedTokens > 0);
        double loss = 0;
        foreach ((int a, int b) in MicroBatches.Cut([.. batch.Select(s => s.Ids.Length)], options.MicroBatchTokens))
        {
            (PackedBatch packed, TokenSelection selection, int[] perSequence) = Pack(batch, a, b);
            if (selection.Count == 0) { continue; }
            float[] weights = new float[selection.Count], dLogProbs = new float[selection.Count], dLogSumExps = options.ZLoss > 0 ? new float[selection.Count] : [];
            for (int s = 0, t = 0; s < perSequence.Length; s++)
            {
                double w = options.LossAggregation == "sequence_mean" ? 1.0 / counted / Math.Max(1, perSequence[s]) : 1.0 / learned;
                weights.AsSpan(t, perSequence[s]).Fill((float)(scale * w));
                t += perSequence[s];
            }

            TokenScores scores = model.TrainForward(packed, selection);
            loss += SupervisedLoss.Compute(scores.LogProbs, scores.LogSumExps, default, weights, new SupervisedLossOptions(ZLoss: options.ZLoss), dLogProbs, dLogSumExps);
            // The balance of a micro-batch weighs as much as its tokens.
            double balance = scale * options.ExpertBalance * packed.Tokens / tokens;
            if (balance > 0) { loss += balance * model.BalanceLoss; }
            model.TrainBackward(dLogProbs, default, dLogSumExps, (float)balance);
        }

        return (loss / scale, learned);
    }

    private static (PackedBatch Packed, TokenSelection Selection, int[] LearnedTokens) Pack(IReadOnlyList<TrainingSequence> sequences, int start, int end)
    {
        int n = end - start;
        int[][] ids = new int[n][];
        int[] learned = new int[n];
        List<bool> mask = [];
        for (int i = 0; i < n; i++)
        {
            TrainingSequence s = sequences[start + i];
            ids[i] = s.Ids;
            learned[i] = s.LearnedTokens;
            mask.AddRange(s.Learned);
        }

        PackedBatch packed = PackedBatch.Pack(ids);
        return (packed, TokenSelection.Masked(packed, mask.ToArray()), learned);
    }
}
