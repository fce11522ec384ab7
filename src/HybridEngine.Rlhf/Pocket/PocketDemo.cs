using System.Diagnostics;
using System.Text.Json;
using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Models;
using HybridEngine.Training;

namespace HybridEngine.Rlhf;

/// <summary>What the demo tells while it runs.</summary>
/// <param name="Stage"><c>sft</c>, <c>reward</c>, <c>ppo</c>.</param>
/// <param name="Steps">Steps of the stage.</param>
/// <param name="Metrics">Of the step that has just ended.</param>
public sealed record PocketProgress(string Stage, int Steps, StepMetrics Metrics);

/// <summary>The exam's result after a stage.</summary>
/// <param name="Stage"><c>sft</c> or <c>ppo</c>.</param>
/// <param name="Sampled">Share of exact answers at temperature 1.</param>
/// <param name="Greedy">Share of exact greedy answers.</param>
/// <param name="Kl">Divergence from the SFT model, nats per answer.</param>
/// <param name="Length">Mean length of an answer, tokens.</param>
/// <param name="Answers">The sampled answers, in the order of the exam.</param>
public sealed record PocketGrade(string Stage, double Sampled, double Greedy, double Kl, double Length, IReadOnlyList<Rollout> Answers);

/// <summary>Everything the demo found.</summary>
/// <param name="Grades">After SFT, after PPO.</param>
/// <param name="RightAgainstWrong">How often the reward model prefers a right answer to a wrong one.</param>
/// <param name="Seconds">Wall-clock seconds by phase: sft, reward, ppo, exam.</param>
/// <param name="History">Metrics of every step, by stage.</param>
public sealed record PocketResult(IReadOnlyList<PocketGrade> Grades, double RightAgainstWrong, IReadOnlyDictionary<string, double> Seconds, IReadOnlyDictionary<string, IReadOnlyList<StepMetrics>> History);

/// <summary>The pocket assistant in three steps on one set of weights: SFT, reward model, PPO.</summary>
public sealed class PocketDemo
{
    private readonly IKernels _kernels;
    private readonly PocketRecipe _recipe;
    private readonly bool _verifiable;
    private readonly Action<PocketProgress>? _progress;
    private readonly Dictionary<string, double> _seconds = [];
    private readonly Dictionary<string, IReadOnlyList<StepMetrics>> _history = [];

    /// <param name="kernels">Where to run.</param>
    /// <param name="recipe">Settings.</param>
    /// <param name="verifiable">Reward PPO with the true check (2 for an exact answer) and skip the reward model's say.</param>
    /// <param name="progress">Called after every step, on the calling thread.</param>
    public PocketDemo(IKernels kernels, PocketRecipe recipe, bool verifiable = false, Action<PocketProgress>? progress = null)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        (_kernels, _recipe, _verifiable, _progress) = (kernels, verifiable ? recipe.Verifiable() : recipe, verifiable, progress);
    }

    /// <summary>A model of the pocket shape with random weights.</summary>
    /// <param name="kernels">Where.</param>
    /// <param name="seed">Of the weights.</param>
    /// <param name="dtype"><see cref="PocketRecipe.DType"/>.</param>
    public static Decoder CreateModel(IKernels kernels, long seed, string dtype = "float32")
    {
        string type = dtype == "auto" ? PrecisionOptions.BFloat16Pays(kernels) ? "bfloat16" : "float32" : dtype;
        Precision precision = new PrecisionOptions { DType = type, KeyValueType = "float32" }.Resolve(kernels, files: null, training: true);
        using JsonDocument json = JsonDocument.Parse(PocketModel.ConfigJson());
        DecoderConfig config = ModelFamilies.ReadConfig(new ConfigReader("pocket", json.RootElement.Clone()));
        return Decoder.Create(kernels, config, ModelFamilies.Bind(config), Initialization.Small(config), (ulong)seed, precision);
    }

    /// <summary>Runs the three steps and the exams.</summary>
    /// <param name="output">Folder for <c>sft/model</c>, <c>reward/model</c> and <c>ppo/model</c>, or null to keep nothing.</param>
    /// <param name="cancellation">Stops between steps.</param>
    public PocketResult Run(string? output, CancellationToken cancellation = default)
    {
        PocketExam exam = new(_recipe.ExamQuestions);
        List<PocketGrade> grades = [];
        using Decoder actor = CreateModel(_kernels, _recipe.Sft.Seed, _recipe.DType);
        using HybridModel policy = HybridModel.Of(actor, SaveOptions(null), options: new HybridOptions
        {
            Training = _recipe.Ppo.Training(), IdleBytes = long.MaxValue,
            Engine = new EngineOptions { MaxContext = PocketModel.MaxPositions, PrefixCache = false, MaxSequences = 512, MaxBatchTokens = 2048 },
        });

        // Step 1: imitate the demonstrations.
        using (TrainableLanguageModel model = new(actor, _recipe.Sft.Training()))
        {
            SftTrainer sft = new(_recipe.Sft, model, new PocketDemonstrations(1000 + (ulong)_recipe.Sft.Seed));
            Stage("sft", _recipe.Sft.Steps, sft.Step, cancellation);
        }

        using Decoder reference = actor.Clone();
        using TrainableLanguageModel frozen = new(reference);
        grades.Add(Grade("sft", exam, policy.Generator(), frozen));
        Save(output, "sft", actor, null);

        // Step 2: learn from comparisons what a careful reader prefers.
        using Decoder rewardBody = actor.Clone();
        using ScalarHead rewardHead = new(_kernels, actor.Config.EmbeddingSize);
        using TrainableScalarModel rewardModel = new(rewardBody, rewardHead, _recipe.Reward.Training());
        RewardTrainer reward = new(_recipe.Reward, rewardModel, new PocketComparisons(2000 + (ulong)_recipe.Reward.Seed, policy.Generator(), PocketRecipe.MaxNewTokens, Math.Min(256, 8 * _recipe.Reward.BatchSize)));
        Stage("reward", _recipe.Reward.Steps, reward.Step, cancellation);
        rewardModel.ReleaseMemory();
        Save(output, "reward", rewardBody, rewardHead);
        double rightAgainstWrong = PocketExam.RightAgainstWrong(new ModelReward(rewardModel), Math.Min(400, _recipe.ExamQuestions));

        // Step 3: lift the same weights by PPO. The critic starts as the reward model; with the true check, as its body and a head of zeros.
        using Decoder criticBody = rewardBody.Clone();
        using ScalarHead criticHead = _verifiable ? new ScalarHead(_kernels, actor.Config.EmbeddingSize) : rewardHead.Clone(_kernels);
        using TrainableScalarModel critic = new(criticBody, criticHead, _recipe.Ppo.Training());
        IRewardFunction judge = _verifiable ? new DelegateReward(r => PocketExam.IsExact(r) ? 2 : 0) : new ModelReward(rewardModel);
        PpoTrainer ppo = new(_recipe.Ppo, new PpoModels(policy, critic, frozen, judge), new PocketQuestions(3000 + (ulong)_recipe.Ppo.Seed), ids => PocketVocabulary.Text(ids));
        if (_recipe.Ppo.RewardNormalization == "initial")
        {
            PocketQuestions questions = new(555);
            ppo.MeasureScores([.. Enumerable.Range(0, _recipe.Ppo.NormalizationSamples).Select(_ => questions.Next())]);
        }

        Stage("ppo", _recipe.Ppo.Steps, () =>
        {
            StepMetrics m = ppo.Step();
            m["pocket/exact"] = PocketExam.Exact(ppo.LastBatch!.Rollouts);
            return m;
        }, cancellation);
        grades.Add(Grade("ppo", exam, policy.Generator(), frozen));
        Save(output, "ppo", actor, null);
        return new PocketResult(grades, rightAgainstWrong, _seconds, _history);
    }

    private void Stage(string name, int steps, Func<StepMetrics> step, CancellationToken cancellation)
    {
        long start = Stopwatch.GetTimestamp();
        List<StepMetrics> history = new(steps);
        _history[name] = history;
        for (int i = 0; i < steps; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            StepMetrics metrics = step();
            history.Add(metrics);
            _progress?.Invoke(new PocketProgress(name, steps, metrics));
        }

        _seconds[name] = Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private PocketGrade Grade(string stage, PocketExam exam, GenerationEngine engine, TrainableLanguageModel reference)
    {
        long start = Stopwatch.GetTimestamp();
        IReadOnlyList<Rollout> sampled = exam.Answer(engine, PocketRecipe.MaxNewTokens, greedy: false), greedy = exam.Answer(engine, PocketRecipe.MaxNewTokens, greedy: true);
        PocketGrade grade = new(stage, PocketExam.Exact(sampled), PocketExam.Exact(greedy), PocketExam.Divergence(sampled, reference), sampled.Average(r => r.Completion.Length), sampled);
        _seconds["exam"] = _seconds.GetValueOrDefault("exam") + Stopwatch.GetElapsedTime(start).TotalSeconds;
        return grade;
    }

    private static void Save(string? output, string stage, Decoder decoder, ScalarHead? head)
    {
        if (output is null) { return; }
        ModelWriter.Save(Path.Combine(output, stage, "model"), decoder.Bindings, decoder, SaveOptions(head));
    }

    private static ModelSaveOptions SaveOptions(ScalarHead? head) => new()
    {
        ConfigJson = PocketModel.ConfigJson(), GenerationConfigJson = PocketModel.GenerationConfigJson(), WriteTokenizer = PocketVocabulary.Save,
        ExtraTensors = head is null ? [] : [new TensorToWrite(ScalarHead.TensorName, DType.Float32, [1, head.Weight.Columns], values => head.Weight.ToArray().CopyTo(values, 0))],
    };
}
