using HybridEngine.Core;
using HybridEngine.Models;
using HybridEngine.Rlhf.Maths;
using HybridEngine.Training;

namespace HybridEngine.Rlhf;

/// <summary>Reward-model training from files to files.</summary>
public static class RewardRun
{
    /// <summary>Runs, or resumes, to the end.</summary>
    /// <inheritdoc cref="SftRun.Execute" />
    public static void Execute(RewardOptions options, RunContext context)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(context);
        using ModelSource source = ModelSource.Open(context.Kernels, options);
        ExampleTokenizer tokenizer = new(source.Tokenizer, source.Decoder.Config, options.Chat, options.MaxLength);
        BlendedStream<Comparison> data = TrainingData.Stream(options.Data, options, tokenizer.Pair, context.Note);
        IReadOnlyList<Comparison> held = TrainingData.All(options.EvalData, tokenizer.Pair);
        RewardOptions resolved = options with { Steps = RunSteps.Resolve(options, data.ItemsPerEpoch, options.BatchSize) };

        using RunFolder run = new("reward", resolved, context, source.Decoder.NumericVariant);
        using ScalarHead head = source.Head?.Clone(context.Kernels) ?? new ScalarHead(context.Kernels, source.Decoder.Config.EmbeddingSize);
        using TrainableScalarModel model = new(source.Decoder, head, resolved.Training(resolved.HeadLearningRateScale));
        RewardTrainer trainer = new(resolved, model, data);
        if (run.Checkpoint is { } checkpoint)
        {
            checkpoint.LoadModel("model", source.Decoder, head);
            checkpoint.LoadOptimizer("model", model.Optimizer);
            trainer.State = run.State!;
        }

        run.Loop(resolved.Steps, trainer.StepsDone, trainer.Step, held.Count == 0 ? null : metrics =>
        {
            PairStatistics e = trainer.Evaluate(held);
            (metrics["eval/loss"], metrics["eval/accuracy"], metrics["eval/margin"]) = (e.Loss, e.Accuracy, e.MeanMargin);
            // The rule to beat: the longer answer wins.
            metrics["eval/longer_wins"] = held.Average(c => c.Answers[c.Pairs[0].Chosen].Length > c.Answers[c.Pairs[0].Rejected].Length ? 1.0 : 0);
        }, () => trainer.State, writer =>
        {
            writer.AddModel("model", source.Decoder, source.Save, head);
            writer.AddOptimizer("model", model.Optimizer);
        });
        ModelWriter.Save(run.ModelFolder, source.Decoder.Bindings, source.Decoder, source.Save with { ExtraTensors = [head.ToWrite()] });
        run.WriteReport([]);
    }
}
