using HybridEngine.Core;
using HybridEngine.Models;
using HybridEngine.Training;

namespace HybridEngine.Rlhf;

/// <summary>Supervised fine-tuning from files to files.</summary>
public static class SftRun
{
    /// <summary>Runs, or resumes, to the end.</summary>
    /// <param name="options">Options.</param>
    /// <param name="context">Folder, backend, progress.</param>
    /// <exception cref="HybridEngineException">Something that the user gave cannot be used.</exception>
    /// <exception cref="OperationCanceledException">The run was asked to stop; its checkpoint is saved.</exception>
    public static void Execute(SftOptions options, RunContext context)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(context);
        using ModelSource source = ModelSource.Open(context.Kernels, options);
        ExampleTokenizer tokenizer = new(source.Tokenizer, source.Decoder.Config, options.Chat, options.MaxLength);
        TrainingSequence? Convert(Example e) => tokenizer.Sequence(e, options.LearnOn == "all");
        BlendedStream<TrainingSequence> data = TrainingData.Stream(options.Data, options, Convert, context.Note);
        IReadOnlyList<TrainingSequence> held = TrainingData.All(options.EvalData, Convert);
        SftOptions resolved = options with { Steps = RunSteps.Resolve(options, data.ItemsPerEpoch, options.BatchSize) };

        using RunFolder run = new("sft", resolved, context, source.Decoder.NumericVariant);
        using TrainableLanguageModel model = new(source.Decoder, resolved.Training());
        SftTrainer trainer = new(resolved, model, data);
        if (run.Checkpoint is { } checkpoint)
        {
            checkpoint.LoadModel("model", source.Decoder);
            checkpoint.LoadOptimizer("model", model.Optimizer);
            trainer.State = run.State!;
        }

        run.Loop(resolved.Steps, trainer.StepsDone, trainer.Step, held.Count == 0 ? null : metrics =>
        {
            LanguageModelEvaluation e = SftTrainer.Evaluate(model, held, Math.Max(1024, resolved.MicroBatchTokens));
            (metrics["eval/loss"], metrics["eval/perplexity"]) = (e.Loss, e.Perplexity);
        }, () => trainer.State, writer =>
        {
            writer.AddModel("model", source.Decoder, source.Save);
            writer.AddOptimizer("model", model.Optimizer);
        });
        ModelWriter.Save(run.ModelFolder, source.Decoder.Bindings, source.Decoder, source.Save);
        run.WriteReport([]);
    }
}

/// <summary>Steps of a run.</summary>
internal static class RunSteps
{
    /// <summary><c>steps</c>, or as many as <c>epochs</c> need.</summary>
    public static int Resolve(TrainerOptions options, int items, int itemsPerStep) =>
        options.Steps > 0 ? options.Steps : Math.Max(1, checked((int)Math.Ceiling(options.Epochs * items / itemsPerStep)));
}
