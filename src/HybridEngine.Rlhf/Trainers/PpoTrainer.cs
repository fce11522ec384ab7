using System.Diagnostics;
using HybridEngine.Inference;
using HybridEngine.Models;
using HybridEngine.Rlhf.Maths;
using HybridEngine.Training;

namespace HybridEngine.Rlhf;

/// <summary>The models of PPO.</summary>
/// <param name="Policy">Samples and is trained: one set of weights, two modes.</param>
/// <param name="Critic">Predicts the return at every token.</param>
/// <param name="Reference">Frozen.</param>
/// <param name="Reward">Judges answers.</param>
public sealed record PpoModels(HybridModel Policy, TrainableScalarModel Critic, TrainableLanguageModel Reference, IRewardFunction Reward);

/// <summary>Proximal policy optimisation on sampled answers (Schulman et al. 2017; Ouyang et al. 2022, step 3).</summary>
/// <remarks>
/// Repeat: sample an answer to each of <c>prompts_per_step</c> prompts; score them, penalise divergence from the reference token by token; advantages by GAE; then, for
/// <c>ppo_epochs</c> passes of <c>minibatches</c> parts, one AdamW step of the actor on the clipped surrogate and one of the critic on the clipped squared error.
/// The old log-probabilities are those recorded while sampling: the training forward computes the same bits, and <c>sampling/sampling_logp_difference/max</c> shows it at every step.
/// </remarks>
public sealed class PpoTrainer
{
    private readonly PpoOptions _options;
    private readonly PpoModels _models;
    private readonly IDataStream<RolloutPrompt> _prompts;
    private readonly IDataStream<TrainingSequence>? _mixture;
    private readonly Func<int[], string> _decode;
    private readonly LearningRateSchedule _actorRates, _criticRates;
    private readonly SftOptions _mixtureOptions;
    private KlController _kl;
    private double _scoreMean, _scoreDeviation = 1;

    /// <param name="options">Options; <see cref="TrainerOptions.Steps"/> is the length of the schedule.</param>
    /// <param name="models">Actor, critic, reference, reward.</param>
    /// <param name="prompts">What is asked.</param>
    /// <param name="decode">Ids of an answer to text, for reward functions that read.</param>
    /// <param name="mixture">Sequences of the language-model mixture, or null.</param>
    public PpoTrainer(PpoOptions options, PpoModels models, IDataStream<RolloutPrompt> prompts, Func<int[], string> decode, IDataStream<TrainingSequence>? mixture = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        (_options, _models, _prompts, _decode, _mixture) = (options, models, prompts, decode, mixture);
        (_actorRates, _criticRates) = (options.LearningRates(options.LearningRate, options.Steps), options.LearningRates(options.CriticLearningRate, options.Steps));
        _mixtureOptions = new SftOptions { BatchSize = options.PtxBatchSize, MicroBatchTokens = options.MicroBatchTokens };
        _kl = new KlController(options.KlCoefficient, options.KlTarget, options.KlHorizon);
        if (options.EmaBeta > 0) { Average = new WeightAverage(models.Policy.Decoder, options.EmaBeta); }
    }

    /// <summary>Steps taken.</summary>
    public int StepsDone { get; private set; }

    /// <summary>Moving average of the actor's weights, or null.</summary>
    public WeightAverage? Average { get; }

    /// <summary>The answers of the last step.</summary>
    public PpoBatch? LastBatch { get; private set; }

    /// <summary>Everything that is not weights or moments, for a checkpoint.</summary>
    public TrainerState State
    {
        get => new()
        {
            Step = StepsDone, DataPosition = _prompts.Position, SecondPosition = _mixture?.Position ?? 0,
            KlCoefficient = _kl.Coefficient, ScoreMean = _scoreMean, ScoreDeviation = _scoreDeviation,
        };
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            (StepsDone, _prompts.Position, _scoreMean, _scoreDeviation) = (value.Step, value.DataPosition, value.ScoreMean, value.ScoreDeviation);
            _kl = _kl with { Coefficient = value.KlCoefficient };
            if (_mixture is not null) { _mixture.Position = value.SecondPosition; }
        }
    }

    /// <summary>Measures mean and deviation of the scores of the policy as it is, for <see cref="PpoOptions.RewardNormalization"/>; call once before the first step.</summary>
    /// <param name="prompts">Prompts to answer.</param>
    public void MeasureScores(IReadOnlyList<RolloutPrompt> prompts)
    {
        float[] scores = _models.Reward.Score(Sample(prompts, step: -1));
        _scoreMean = MaskedStatistics.Mean(scores);
        _scoreDeviation = Math.Max(1e-6, Math.Sqrt(MaskedStatistics.Variance(scores)));
    }

    /// <summary>One step: rollout, scoring, training.</summary>
    public StepMetrics Step()
    {
        long start = Stopwatch.GetTimestamp();
        TimeSpan switched = _models.Policy.Switches.Total;

        // 1. Rollout: one answer a prompt, from the weights as they are.
        RolloutPrompt[] prompts = new RolloutPrompt[_options.PromptsPerStep];
        for (int i = 0; i < prompts.Length; i++) { prompts[i] = _prompts.Next(); }
        PpoBatch batch = new(Sample(prompts, StepsDone));
        double generated = Stopwatch.GetElapsedTime(start).TotalSeconds;

        // 2. Scores, reference, values; rewards and advantages.
        _models.Reward.Score(batch.Rollouts).CopyTo(batch.Scores, 0);
        ScoreWithModels(batch);
        float[] shaped = new float[batch.Scores.Length];
        for (int s = 0; s < shaped.Length; s++)
        {
            double score = (batch.Scores[s] - _scoreMean) / _scoreDeviation;
            shaped[s] = (float)TokenRewards.Shape(score, batch.Rollouts[s].Terminated, _options.MissingEosPenalty, _options.RewardClip);
        }

        double coefficient = _kl.Coefficient;
        batch.Finish(shaped, coefficient, _options);
        double scored = Stopwatch.GetElapsedTime(start).TotalSeconds;

        // 3. Epochs of minibatches: a step of the actor and one of the critic each.
        Training training = new();
        double actorRate = _actorRates.Rate(StepsDone), criticRate = _criticRates.Rate(StepsDone);
        for (int epoch = 0; epoch < _options.PpoEpochs; epoch++)
        {
            int[] order = Order(batch.Rollouts.Count, epoch);
            for (int m = 0; m < _options.Minibatches; m++)
            {
                Range part = (order.Length * m / _options.Minibatches)..(order.Length * (m + 1) / _options.Minibatches);
                ReadOnlySpan<int> answers = order.AsSpan(part);
                if (answers.IsEmpty) { continue; }
                TrainMinibatch(batch, answers, actorRate, criticRate, training, measureMismatch: epoch == 0 && m == 0);
            }
        }

        // 4. The KL controller, and what is reported.
        double klPerAnswer = batch.OldLogProbs.Zip(batch.ReferenceLogProbs, (p, q) => (double)p - q).Sum() / batch.Rollouts.Count;
        _kl = _kl.Next(klPerAnswer, batch.Rollouts.Count);
        StepsDone++;
        LastBatch = batch;
        training.SwitchSeconds = (_models.Policy.Switches.Total - switched).TotalSeconds;
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return Report(batch, shaped, training, klPerAnswer, coefficient, actorRate, seconds, (generated, scored - generated, seconds - scored));
    }

    private TrainableLanguageModel Actor => _models.Policy.Train();

    /// <summary>Samples an answer to each prompt. Draws depend on seed, step and the prompt's place in it, on nothing else.</summary>
    public IReadOnlyList<Rollout> Sample(IReadOnlyList<RolloutPrompt> prompts, int step)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        SamplingOptions sampling = new() { Temperature = (float)_options.Temperature, MaxTokens = _options.MaxNewTokens, Seed = _options.Seed };
        GenerationEngine engine = _models.Policy.Generator();
        Generation[] generations = new Generation[prompts.Count];
        for (int i = 0; i < generations.Length; i++)
        {
            long request = ((long)(step + 1) << 32) | (uint)i;
            generations[i] = engine.Submit(new GenerationRequest { Prompt = prompts[i].Ids, Sampling = sampling, RequestId = request, DecodeText = false });
        }

        engine.Run();
        Rollout[] rollouts = new Rollout[prompts.Count];
        for (int i = 0; i < rollouts.Length; i++)
        {
            GenerationResult result = generations[i].Results()[0];
            rollouts[i] = new Rollout(prompts[i], result.TokenIds, result.LogProbs, result.FinishReason == FinishReason.Stop, _decode(result.TokenIds));
        }

        return rollouts;
    }

    private void ScoreWithModels(PpoBatch batch)
    {
        foreach ((int a, int b) in Cut(batch, [.. Enumerable.Range(0, batch.Rollouts.Count)]))
        {
            int[] answers = [.. Enumerable.Range(a, b - a)];
            (PackedBatch packed, TokenSelection selection) = batch.Pack(answers);
            _models.Reference.Score(packed, selection, (float)_options.Temperature).LogProbs.CopyTo(batch.ReferenceLogProbs, batch.Offsets[a]);

            // The rows that predict tokens, then the last token of every answer.
            int[] rows = [.. selection.Rows, .. packed.Offsets.Skip(1).Select(o => o - 1)];
            float[] values = _models.Critic.Values(packed, rows);
            for (int i = 0; i < values.Length; i++) { values[i] = Normalize(values[i]); }
            values.AsSpan(0, selection.Count).CopyTo(batch.Values.AsSpan(batch.Offsets[a]));
            values.AsSpan(selection.Count).CopyTo(batch.EndValues.AsSpan(a));
        }
    }

    /// <summary>One AdamW step of the actor and one of the critic.</summary>
    internal void TrainMinibatch(PpoBatch batch, ReadOnlySpan<int> answers, double actorRate, double criticRate, Training training, bool measureMismatch)
    {
        TrainActor(batch, answers, training, measureMismatch);
        MixLanguageModel(actorRate, training);
        training.ActorNorm = Actor.Step(actorRate).GradientNorm;
        TrainCritic(batch, answers, training);
        training.CriticNorm = _models.Critic.Step(criticRate).GradientNorm;
        Average?.Update();
    }

    /// <summary>Adds the gradient of the clipped surrogate and the entropy bonus over some answers.</summary>
    private void TrainActor(PpoBatch batch, ReadOnlySpan<int> answers, Training training, bool measureMismatch)
    {
        float[] weights = Weights(batch, answers);
        int done = 0;
        foreach ((int a, int b) in Cut(batch, answers.ToArray()))
        {
            ReadOnlySpan<int> part = answers[a..b];
            (PackedBatch packed, TokenSelection selection) = batch.Pack(part);
            TokenScores scores = Actor.TrainForward(packed, selection, (float)_options.Temperature, entropy: true);
            float[] old = batch.Gather(batch.OldLogProbs, part), gradient = new float[selection.Count], dEntropy = _options.EntropyCoefficient > 0 ? new float[selection.Count] : [];
            ReadOnlySpan<float> w = weights.AsSpan(done, selection.Count);
            training.Policy.Add(PolicyLoss.Compute(scores.LogProbs, old, batch.Gather(batch.Advantages, part), w, _options.PolicyClip, gradient));
            EntropyBonus.Compute(scores.Entropies, w, _options.EntropyCoefficient, dEntropy);
            training.AddEntropy(scores.Entropies);
            if (measureMismatch) { training.AddMismatch(scores.LogProbs, old); }
            Actor.TrainBackward(gradient, dEntropy);
            done += selection.Count;
        }

        training.PolicySteps++;
    }

    /// <summary>Adds the gradient of the clipped squared error over some answers: a mean over their positions.</summary>
    private void TrainCritic(PpoBatch batch, ReadOnlySpan<int> answers, Training training)
    {
        int[] all = answers.ToArray();
        float[] tokenWeights = Weights(batch, answers);
        int ends = all.Count(s => batch.HasEndPosition[s]), done = 0;
        if (ends > 0) { Array.Fill(tokenWeights, 1f / (tokenWeights.Length + ends)); }
        foreach ((int a, int b) in Cut(batch, all))
        {
            int[] part = all[a..b], ended = Array.FindAll(part, s => batch.HasEndPosition[s]);
            (PackedBatch packed, TokenSelection selection) = batch.Pack(part);
            int[] endRows = [.. Enumerable.Range(0, part.Length).Where(i => batch.HasEndPosition[part[i]]).Select(i => packed.Offsets[i + 1] - 1)];
            float[] values = _models.Critic.TrainForward(packed, [.. selection.Rows, .. endRows]), gradient = new float[values.Length];
            float[] old = [.. batch.Gather(batch.Values, part), .. ended.Select(s => batch.EndValues[s])], returns = [.. batch.Gather(batch.Returns, part), .. ended.Select(s => batch.EndReturns[s])];
            float[] weights = [.. tokenWeights.AsSpan(done, selection.Count), .. ended.Select(_ => tokenWeights[0])];
            for (int i = 0; i < values.Length; i++) { values[i] = Normalize(values[i]); }
            training.Value = training.Value.Add(ValueLoss.Compute(values, old, returns, weights, _options.ValueClip, 0.5, gradient));
            for (int i = 0; i < gradient.Length; i++) { gradient[i] = (float)(gradient[i] / _scoreDeviation); }
            _models.Critic.TrainBackward(gradient);
            done += selection.Count;
        }
    }

    /// <summary>The language-model mixture: into the same optimizer step, or after it into one of its own.</summary>
    private void MixLanguageModel(double rate, Training training)
    {
        if (_mixture is null || _options.PtxCoefficient == 0) { return; }
        if (_options.PtxStep == "separate") { training.ActorNorm = Actor.Step(rate).GradientNorm; }
        TrainingSequence[] sequences = new TrainingSequence[_options.PtxBatchSize];
        for (int i = 0; i < sequences.Length; i++) { sequences[i] = _mixture.Next(); }
        training.Mixture = SftTrainer.Accumulate(Actor, sequences, _mixtureOptions, _options.PtxCoefficient).Loss;
    }

    private float[] Weights(PpoBatch batch, ReadOnlySpan<int> answers)
    {
        int[] offsets = new int[answers.Length + 1];
        for (int i = 0; i < answers.Length; i++) { offsets[i + 1] = offsets[i] + batch.Rollouts[answers[i]].Completion.Length; }
        float[] weights = new float[offsets[^1]];
        TokenWeights.Fill(_options.Aggregation, offsets, default, weights);
        return weights;
    }

    private IEnumerable<(int Start, int End)> Cut(PpoBatch batch, int[] answers) =>
        MicroBatches.Cut(Array.ConvertAll(answers, s => batch.Rollouts[s].Sequence.Length), _options.MicroBatchTokens);

    private float Normalize(float value) => (float)((value - _scoreMean) / _scoreDeviation);

    // A single minibatch keeps the order of the rollout; several are drawn anew in every pass.
    private int[] Order(int answers, int epoch)
    {
        int[] order = [.. Enumerable.Range(0, answers)];
        if (_options.Minibatches == 1) { return order; }
        SplitMix64 random = new((ulong)_options.Seed * 0x9E3779B97F4A7C15 + (ulong)StepsDone * 1024 + (ulong)epoch);
        random.Shuffle(order.AsSpan());
        return order;
    }

    private StepMetrics Report(PpoBatch batch, float[] shaped, Training t, double klPerAnswer, double klCoefficient, double rate, double seconds, (double Generate, double Score, double Train) times)
    {
        int answers = batch.Rollouts.Count;
        double nonScore = -klCoefficient * batch.Kl.Sum(x => (double)x) / answers, score = MaskedStatistics.Mean(shaped);
        float[] lengths = [.. batch.Rollouts.Select(r => (float)r.Completion.Length)];
        int ended = batch.Rollouts.Count(r => r.Terminated);
        return new StepMetrics(StepsDone)
        {
            Seconds = seconds,
            Tokens = batch.Rollouts.Sum(r => (long)r.Sequence.Length),
            ["objective/kl"] = klPerAnswer,
            ["objective/entropy"] = -batch.OldLogProbs.Sum(x => (double)x) / answers,
            ["objective/non_score_reward"] = nonScore,
            ["objective/rlhf_reward"] = nonScore + score,
            ["objective/scores"] = MaskedStatistics.Mean(batch.Scores),
            ["objective/kl_coefficient"] = klCoefficient,
            ["policy/approxkl_avg"] = t.Policy.ApproxKl2,
            ["policy/clipfrac_avg"] = t.Policy.ClipFraction,
            ["policy/entropy_avg"] = t.Entropy,
            ["loss/policy_avg"] = t.Policy.Loss / t.PolicySteps,
            ["loss/value_avg"] = t.Value.Loss / t.PolicySteps,
            ["loss/ptx"] = t.Mixture,
            ["val/clipfrac_avg"] = t.Value.ClipFraction,
            ["val/ratio"] = t.Policy.RatioMean,
            ["val/explained_variance"] = MaskedStatistics.ExplainedVariance(batch.Values, batch.Returns),
            ["val/num_eos_tokens"] = ended,
            ["reward"] = MaskedStatistics.Mean(batch.Scores),
            ["reward_std"] = Math.Sqrt(MaskedStatistics.Variance(batch.Scores)),
            ["kl"] = klPerAnswer / Math.Max(1.0, (double)batch.Tokens / answers),
            ["entropy"] = t.Entropy,
            ["completions/mean_length"] = MaskedStatistics.Mean(lengths),
            ["completions/min_length"] = lengths.Min(),
            ["completions/max_length"] = lengths.Max(),
            ["completions/clipped_ratio"] = 1 - (double)ended / answers,
            ["sampling/sampling_logp_difference/mean"] = t.MismatchMean,
            ["sampling/sampling_logp_difference/max"] = t.MismatchMax,
            ["grad_norm"] = t.ActorNorm,
            ["critic_grad_norm"] = t.CriticNorm,
            ["learning_rate"] = rate,
            ["time/generate"] = times.Generate,
            ["time/score"] = times.Score,
            ["time/train"] = times.Train,
            ["time/switch"] = t.SwitchSeconds,
        };
    }

    /// <summary>Sums over the minibatches of one step.</summary>
    internal sealed class Training
    {
        private double _entropy, _mismatch;
        private long _entropyTokens, _mismatchTokens;

        public PolicyStatistics Policy { get; } = new();

        public ValueStatistics Value { get; set; }

        public int PolicySteps { get; set; }

        public double SwitchSeconds { get; set; }

        public double ActorNorm { get; set; }

        public double CriticNorm { get; set; }

        public double Mixture { get; set; } = double.NaN;

        public double MismatchMax { get; private set; }

        public double MismatchMean => _mismatchTokens == 0 ? 0 : _mismatch / _mismatchTokens;

        public double Entropy => _entropyTokens == 0 ? 0 : _entropy / _entropyTokens;

        public void AddEntropy(float[] entropies)
        {
            foreach (float e in entropies) { _entropy += e; }
            _entropyTokens += entropies.Length;
        }

        public void AddMismatch(float[] trained, float[] sampled)
        {
            for (int i = 0; i < trained.Length; i++)
            {
                double difference = Math.Abs((double)trained[i] - sampled[i]);
                _mismatch += difference;
                MismatchMax = double.IsNaN(difference) ? difference : Math.Max(MismatchMax, difference);
            }

            _mismatchTokens += trained.Length;
        }
    }
}
