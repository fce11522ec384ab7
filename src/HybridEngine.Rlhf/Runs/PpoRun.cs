using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Models;
using HybridEngine.Training;

namespace HybridEngine.Rlhf;

/// <summary>PPO from files to files.</summary>
public static class PpoRun
{
    private const int ShownSamples = 5;

    /// <summary>Runs, or resumes, to the end.</summary>
    /// <param name="options">Options.</param>
    /// <param name="context">Folder, backend, progress.</param>
    /// <param name="reward">The caller's own reward; null takes <c>reward_model</c> or <c>reward</c> of the options.</param>
    /// <exception cref="HybridEngineException">Something that the user gave cannot be used.</exception>
    /// <exception cref="OperationCanceledException">The run was asked to stop; its checkpoint is saved.</exception>
    public static void Execute(PpoOptions options, RunContext context, IRewardFunction? reward = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(context);
        using ModelSource actor = ModelSource.Open(context.Kernels, options);
        ExampleTokenizer tokenizer = new(actor.Tokenizer, actor.Decoder.Config, options.Chat, options.MaxLength);
        BlendedStream<RolloutPrompt> prompts = TrainingData.Stream(options.Data, options, e => tokenizer.Prompt(e, options.MaxNewTokens), context.Note);
        BlendedStream<TrainingSequence>? mixture = options.PtxData.Count == 0 ? null : TrainingData.Stream(options.PtxData, options, e => tokenizer.Sequence(e), context.Note);
        PpoOptions resolved = options with { Steps = RunSteps.Resolve(options, prompts.ItemsPerEpoch, options.PromptsPerStep) };

        using RunFolder run = new("ppo", resolved, context, actor.Decoder.NumericVariant);
        using Models models = Models.Load(resolved, context, actor, reward);
        using HybridModel policy = HybridModel.Of(actor.Decoder, actor.Save, actor.Tokenizer, new HybridOptions
        {
            Training = resolved.Training(), Engine = new EngineOptions { PrefixCache = false }, IdleBytes = long.MaxValue,
        });
        using TrainableLanguageModel reference = new(models.Reference);
        using TrainableScalarModel critic = new(models.CriticBody, models.CriticHead, resolved.Training());
        PpoTrainer trainer = new(resolved, new PpoModels(policy, critic, reference, models.Reward), prompts, tokenizer.Decode, mixture);

        RolloutPrompt[] shown = Shown(resolved, tokenizer);
        IReadOnlyList<Rollout> before = trainer.Sample(shown, step: -2);
        if (run.Checkpoint is { } checkpoint)
        {
            checkpoint.LoadModel("model", actor.Decoder);
            checkpoint.LoadModel("critic", models.CriticBody, models.CriticHead);
            checkpoint.LoadOptimizer("model", policy.Train().Optimizer);
            checkpoint.LoadOptimizer("critic", critic.Optimizer);
            if (trainer.Average is { } average) { checkpoint.LoadModel("model-ema", average.Average); }
            trainer.State = run.State!;
        }
        else if (resolved.RewardNormalization == "initial")
        {
            long position = prompts.Position;
            trainer.MeasureScores([.. Enumerable.Range(0, resolved.NormalizationSamples).Select(_ => prompts.Next())]);
            prompts.Position = position;
        }

        run.Loop(resolved.Steps, trainer.StepsDone, trainer.Step, null, () => trainer.State, writer =>
        {
            writer.AddModel("model", actor.Decoder, actor.Save);
            writer.AddModel("critic", models.CriticBody, actor.Save, models.CriticHead);
            writer.AddOptimizer("model", policy.Train().Optimizer);
            writer.AddOptimizer("critic", critic.Optimizer);
            if (trainer.Average is { } average) { writer.AddModel("model-ema", average.Average, actor.Save); }
        });
        ModelWriter.Save(run.ModelFolder, actor.Decoder.Bindings, actor.Decoder, actor.Save);
        if (trainer.Average is { } ema) { ModelWriter.Save(run.ModelFolder + "-ema", ema.Average.Bindings, ema.Average, actor.Save); }
        IReadOnlyList<Rollout> after = trainer.Sample(shown, step: -2);
        run.WriteReport([.. before.Zip(after, (b, a) => new ReportSample(tokenizer.Decode(b.Prompt.Ids), b.Text, a.Text))]);
    }

    private static RolloutPrompt[] Shown(PpoOptions options, ExampleTokenizer tokenizer)
    {
        IReadOnlyList<DataSource> sources = options.EvalData.Count > 0 ? options.EvalData : options.Data;
        return [.. TrainingData.All(sources, e => tokenizer.Prompt(e, options.MaxNewTokens)).Take(ShownSamples)];
    }

    /// <summary>The three models beside the actor.</summary>
    private sealed class Models : IDisposable
    {
        private readonly List<IDisposable> _owned = [];

        private Models() { }

        public required Decoder Reference { get; init; }

        public required Decoder CriticBody { get; init; }

        public required ScalarHead CriticHead { get; init; }

        public required IRewardFunction Reward { get; init; }

        public static Models Load(PpoOptions options, RunContext context, ModelSource actor, IRewardFunction? reward)
        {
            List<IDisposable> owned = [];
            if (reward is null && options.RewardModel.Length > 0 == options.Reward.Length > 0)
            {
                throw new InvalidInputException("reward_model", options.Reward.Length > 0 ? "both reward_model and reward" : "neither reward_model nor reward", "one of them");
            }

            ModelSource? judge = options.RewardModel.Length > 0 ? LoadScored(context.Kernels, options.RewardModel, "reward_model", options.Types, actor, owned) : null;
            ModelSource? critic = options.Critic.Length > 0 ? LoadScored(context.Kernels, options.Critic, "critic", options.Types, actor, owned) : judge;
            Decoder reference = options.Reference.Length > 0 ? Keep(ModelSource.Load(context.Kernels, options.Reference, "reference", options.Types), owned).Decoder : Keep(actor.Decoder.Clone(), owned);
            Models models = new()
            {
                Reference = reference,
                CriticBody = Keep((critic?.Decoder ?? actor.Decoder).Clone(), owned),
                CriticHead = Keep(critic?.Head?.Clone(context.Kernels) ?? new ScalarHead(context.Kernels, actor.Decoder.Config.EmbeddingSize), owned),
                Reward = reward ?? (judge is not null ? new ModelReward(Keep(new TrainableScalarModel(judge.Decoder, judge.Head!), owned), options.MicroBatchTokens) : BuiltInRewards.Create(options.Reward)),
            };
            models._owned.AddRange(owned);
            // These are only read from here on.
            reference.Freeze();
            judge?.Decoder.Freeze();
            if (critic != judge) { critic?.Decoder.Freeze(); }
            return models;
        }

        public void Dispose()
        {
            for (int i = _owned.Count - 1; i >= 0; i--) { _owned[i].Dispose(); }
        }

        private static ModelSource LoadScored(IKernels kernels, string path, string key, PrecisionOptions types, ModelSource actor, List<IDisposable> owned)
        {
            ModelSource source = Keep(ModelSource.Load(kernels, path, key, types), owned);
            if (source.Head is null) { throw new InvalidInputException(key, $"{path}, which has no {ScalarHead.TensorName}", "a folder written by the reward step"); }
            return source.Decoder.Config.VocabularySize == actor.Decoder.Config.VocabularySize ? source
                : throw new InvalidInputException(key, $"{path} with {source.Decoder.Config.VocabularySize} token ids", $"the actor's {actor.Decoder.Config.VocabularySize}: both read the same tokens");
        }

        private static T Keep<T>(T item, List<IDisposable> owned) where T : IDisposable
        {
            owned.Add(item);
            return item;
        }
    }
}
