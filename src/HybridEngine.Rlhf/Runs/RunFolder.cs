using System.Text.Json;
using System.Text.Json.Nodes;
using HybridEngine.Core;
using HybridEngine.Models;
using HybridEngine.Training;

namespace HybridEngine.Rlhf;

/// <summary>The folder of one run, held for one process: config.json, metrics.jsonl, checkpoints/step-N, model, report.html.</summary>
public sealed class RunFolder : IDisposable
{
    private readonly RunLock _lock;
    private readonly RunContext _context;
    private readonly TrainerOptions _options;
    private readonly CheckpointStore _checkpoints;
    private readonly string _numericVariant;

    /// <summary>Takes the folder and finds where to continue.</summary>
    /// <param name="kind"><c>sft</c>, <c>reward</c> or <c>ppo</c>.</param>
    /// <param name="options">Resolved options.</param>
    /// <param name="context">Folder, resume.</param>
    /// <param name="numericVariant">Of the model that is trained (<see cref="Decoder.NumericVariant"/>).</param>
    /// <exception cref="HybridEngineException">Another process writes it, it cannot be written, or it already holds a run and <see cref="RunContext.Resume"/> is off.</exception>
    public RunFolder(string kind, TrainerOptions options, RunContext context, string numericVariant)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(options);
        (Kind, _options, _context, _numericVariant) = (kind, options, context, numericVariant);
        _lock = RunLock.Acquire(context.Output);
        try
        {
            string metrics = System.IO.Path.Combine(context.Output, "metrics.jsonl");
            _checkpoints = new CheckpointStore(System.IO.Path.Combine(context.Output, "checkpoints"), options.KeepCheckpoints);
            if (!context.Resume && (File.Exists(metrics) || _checkpoints.Steps.Count > 0))
            {
                throw new InvalidInputException("--output", $"{context.Output}, which already holds a run", "a new folder, or --resume");
            }

            Checkpoint = context.Resume ? _checkpoints.OpenLatest(context.Note) : null;
            if (Checkpoint is { } c && c.NumericVariant != numericVariant)
            {
                context.Note?.Invoke($"{c.Folder}: written with numeric variant {c.NumericVariant}, this run has {numericVariant}: it continues, with other last bits");
            }

            Metrics = new MetricsLog(metrics, (int)(Checkpoint?.Step ?? 0));
            AtomicFile.WriteText(System.IO.Path.Combine(context.Output, "config.json"), RunConfiguration.Print(options, comments: false));
        }
        catch
        {
            Metrics?.Dispose();
            _lock.Dispose();
            throw;
        }
    }

    /// <summary><c>sft</c>, <c>reward</c> or <c>ppo</c>.</summary>
    public string Kind { get; }

    /// <summary>Lines so far.</summary>
    public MetricsLog Metrics { get; }

    /// <summary>Where to continue from, or null.</summary>
    public CheckpointReader? Checkpoint { get; }

    /// <summary>The state of <see cref="Checkpoint"/>.</summary>
    public TrainerState? State => Checkpoint?.State.Deserialize<TrainerState>();

    /// <summary>The folder of the finished model.</summary>
    public string ModelFolder => Path("model");

    /// <summary>Runs steps to the end: logs each, evaluates, saves; a cancelled run saves before it stops.</summary>
    /// <param name="steps">Steps of the whole run.</param>
    /// <param name="done">Steps taken so far.</param>
    /// <param name="step">One optimizer step.</param>
    /// <param name="evaluate">Adds held-out values to the metrics of a step; or null.</param>
    /// <param name="state">What a checkpoint holds beside weights.</param>
    /// <param name="save">Adds models and optimizers to a checkpoint.</param>
    public void Loop(int steps, int done, Func<StepMetrics> step, Action<StepMetrics>? evaluate, Func<TrainerState> state, Action<CheckpointWriter> save)
    {
        ArgumentNullException.ThrowIfNull(step);
        int saved = done;
        while (done < steps)
        {
            if (_context.Cancellation.IsCancellationRequested)
            {
                if (saved != done) { Save(done, state, save); }
                _context.Cancellation.ThrowIfCancellationRequested();
            }

            StepMetrics metrics = step();
            done = metrics.Step;
            if (evaluate is not null && (done == steps || (_options.EvalEvery > 0 && done % _options.EvalEvery == 0))) { evaluate(metrics); }
            Metrics.Add(metrics);
            _context.Progress?.Invoke(new RunProgress(Kind, steps, metrics));
            if (done == steps || (_options.SaveEvery > 0 && done % _options.SaveEvery == 0))
            {
                Save(done, state, save);
                saved = done;
            }
        }
    }

    /// <summary>Writes the report.</summary>
    /// <param name="samples">Samples to show; may be empty.</param>
    public void WriteReport(IReadOnlyList<ReportSample> samples)
    {
        ReportPage page = new($"{Kind} run", [new ReportStage(Kind, Metrics.History)]) { Samples = samples, Configuration = RunConfiguration.Print(_options, comments: false) };
        AtomicFile.WriteText(Path("report.html"), page.ToHtml());
    }

    /// <inheritdoc />
    public void Dispose()
    {
        Metrics.Dispose();
        _lock.Dispose();
    }

    private string Path(string name) => System.IO.Path.Combine(_context.Output, name);

    private void Save(int step, Func<TrainerState> state, Action<CheckpointWriter> save) =>
        _checkpoints.Save(step, _numericVariant, JsonSerializer.SerializeToNode(state())!.AsObject(), save);
}
