using System.Diagnostics;
using HybridEngine.Models;
using HybridEngine.Rlhf.Maths;
using HybridEngine.Training;

namespace HybridEngine.Rlhf;

/// <summary>Options of reward-model training.</summary>
public sealed record RewardOptions : TrainerOptions
{
    /// <summary>Which loss.</summary>
    [Option("bradley-terry: the scores of the last tokens are compared; deepspeed-chat: the values of every position from the first difference on", Choices = "bradley-terry,deepspeed-chat")]
    public string Loss { get; set; } = "bradley-terry";

    /// <summary>Centring.</summary>
    [Option("bradley-terry: weight of (chosen + rejected)^2, which keeps scores around 0", Min = 0)]
    public double CenterRewardsCoefficient { get; set; }

    /// <summary>Head's rate.</summary>
    [Option("Learning rate of the new scalar head as a multiple of the body's", Min = 0, AboveMin = true)]
    public double HeadLearningRateScale { get; set; } = 1;
}

/// <summary>A reward model from comparisons (Ouyang et al. 2022, step 2): a scalar head on the final hidden state, no bias.</summary>
/// <remarks>
/// Repeat: draw comparisons; run every answer once; loss over all their pairs (bradley-terry: <c>-log sigmoid(r_chosen - r_rejected - margin)</c> of the last tokens;
/// deepspeed-chat: the mean of the same over every position from the first differing token to the longer end); one AdamW step. Pairs weigh the same, however many a prompt has.
/// </remarks>
public sealed class RewardTrainer
{
    private readonly RewardOptions _options;
    private readonly TrainableScalarModel _model;
    private readonly StepStream<Comparison> _steps;

    /// <param name="options">Options; <see cref="TrainerOptions.BatchSize"/> counts comparisons.</param>
    /// <param name="model">Body and head.</param>
    /// <param name="data">Comparisons.</param>
    public RewardTrainer(RewardOptions options, TrainableScalarModel model, IDataStream<Comparison> data)
    {
        (_options, _model, _steps) = (options, model, new StepStream<Comparison>(options, data));
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

        Comparison[] batch = _steps.Draw();
        int[] tokens = Array.ConvertAll(batch, c => c.Answers.Sum(a => a.Length));
        double pairWeight = 1.0 / Math.Max(1, batch.Sum(c => c.Pairs.Count));

        // Forward, loss and backward, micro-batch by micro-batch; a comparison stays together.
        PairStatistics statistics = default;
        foreach ((int a, int b) in MicroBatches.Cut(tokens, _options.MicroBatchTokens))
        {
            Values values = Values.Select(batch.AsSpan(a, b - a), _options.Loss == "deepspeed-chat");
            values.Read(_model.TrainForward(values.Packed, values.Rows));
            for (int i = a; i < b; i++) { statistics = statistics.Add(PairLoss(batch[i], values, i - a, pairWeight, train: true)); }
            _model.TrainBackward(values.Gradient);
        }

        (double rate, StepResult step) = _steps.Step(_model.Step);

        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return new StepMetrics(StepsDone)
        {
            Seconds = seconds,
            Tokens = tokens.Sum(),
            ["loss"] = statistics.Loss,
            ["accuracy"] = statistics.Accuracy,
            ["margin"] = statistics.MeanMargin,
            ["grad_norm"] = step.GradientNorm,
            ["learning_rate"] = rate,
            ["tokens_per_second"] = tokens.Sum() / seconds,
        };
    }

    /// <summary>Loss, accuracy and margin over comparisons; nothing is trained.</summary>
    public PairStatistics Evaluate(IReadOnlyList<Comparison> comparisons)
    {
        ArgumentNullException.ThrowIfNull(comparisons);
        double pairWeight = 1.0 / Math.Max(1, comparisons.Sum(c => c.Pairs.Count));
        PairStatistics statistics = default;
        foreach ((int a, int b) in MicroBatches.Cut([.. comparisons.Select(c => c.Answers.Sum(x => x.Length))], _options.MicroBatchTokens))
        {
            Values values = Values.Select([.. comparisons.Skip(a).Take(b - a)], _options.Loss == "deepspeed-chat");
            values.Read(_model.Values(values.Packed, values.Rows));
            for (int i = a; i < b; i++) { statistics = statistics.Add(PairLoss(comparisons[i], values, i - a, pairWeight, train: false)); }
        }

        return statistics;
    }

    /// <summary>The loss of all pairs of one comparison; its gradient is added to the values' gradient.</summary>
    private PairStatistics PairLoss(Comparison comparison, Values values, int index, double pairWeight, bool train)
    {
        PairStatistics sum = default;
        foreach (RankedPair pair in comparison.Pairs)
        {
            (int c, int r) = (values.Offset(index, pair.Chosen), values.Offset(index, pair.Rejected));
            (int cLength, int rLength) = (values.Length(index, pair.Chosen), values.Length(index, pair.Rejected));
            ReadOnlySpan<float> chosen = values.All.AsSpan(c, cLength), rejected = values.All.AsSpan(r, rLength);
            float[] dChosen = new float[cLength], dRejected = new float[rLength];
            if (_options.Loss == "deepspeed-chat")
            {
                int first = RewardModelLoss.FirstDifference(comparison.Answers[pair.Chosen], comparison.Answers[pair.Rejected]);
                sum = sum.Add(RewardModelLoss.PerToken(chosen, rejected, first - values.First(index), pairWeight, dChosen, dRejected));
            }
            else
            {
                sum = sum.Add(RewardModelLoss.BradleyTerry(chosen, rejected, [pair.Margin], _options.CenterRewardsCoefficient, pairWeight, dChosen, dRejected));
            }

            for (int t = 0; train && t < cLength; t++) { values.Gradient[c + t] += dChosen[t]; }
            for (int t = 0; train && t < rLength; t++) { values.Gradient[r + t] += dRejected[t]; }
        }

        return sum;
    }

    /// <summary>The positions whose values a loss reads: of every answer the last one, or all from the first difference of its comparison on.</summary>
    private sealed class Values
    {
        private readonly int[][] _offsets;
        private readonly int[][] _lengths;
        private readonly int[] _first;

        private Values(PackedBatch packed, int[] rows, int[][] offsets, int[][] lengths, int[] first) =>
            (Packed, Rows, _offsets, _lengths, _first, Gradient) = (packed, rows, offsets, lengths, first, new float[rows.Length]);

        public PackedBatch Packed { get; }

        public int[] Rows { get; }

        public float[] All { get; private set; } = [];

        public float[] Gradient { get; }

        public static Values Select(ReadOnlySpan<Comparison> batch, bool everyPosition)
        {
            List<int[]> sequences = [];
            List<int> rows = [];
            int[][] offsets = new int[batch.Length][], lengths = new int[batch.Length][];
            int[] first = new int[batch.Length];
            int token = 0;
            for (int i = 0; i < batch.Length; i++)
            {
                Comparison comparison = batch[i];
                // A position that every answer has: where one answer begins another, the shorter one's last.
                first[i] = comparison.Answers.Min(a => a.Length) - 1;
                foreach (RankedPair p in comparison.Pairs) { first[i] = Math.Min(first[i], RewardModelLoss.FirstDifference(comparison.Answers[p.Chosen], comparison.Answers[p.Rejected])); }
                offsets[i] = new int[comparison.Answers.Count];
                lengths[i] = new int[comparison.Answers.Count];
                for (int k = 0; k < comparison.Answers.Count; k++)
                {
                    int[] answer = comparison.Answers[k];
                    int from = everyPosition ? first[i] : answer.Length - 1;
                    (offsets[i][k], lengths[i][k]) = (rows.Count, answer.Length - from);
                    for (int t = from; t < answer.Length; t++) { rows.Add(token + t); }
                    sequences.Add(answer);
                    token += answer.Length;
                }
            }

            return new Values(PackedBatch.Pack(sequences), [.. rows], offsets, lengths, first);
        }

        public void Read(float[] values) => All = values;

        public int Offset(int comparison, int answer) => _offsets[comparison][answer];

        public int Length(int comparison, int answer) => _lengths[comparison][answer];

        public int First(int comparison) => _first[comparison];
    }
}
