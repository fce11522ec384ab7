using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using HybridEngine.Cli.CommandLine;
using HybridEngine.Core;
using HybridEngine.Rlhf;

namespace HybridEngine.Cli.Output;

/// <summary>Shows a training run: a line a step for people (the terminal's last line is replaced), JSON Lines of the metrics for machines.</summary>
internal sealed class RunConsole
{
    // What a line shows, by preference; a run has those of its kind.
    private static readonly (string Key, string Label, string Format)[] Shown =
    [
        ("loss", "loss", "F4"), ("accuracy", "accuracy", "P1"), ("objective/scores", "score", "F3"), ("objective/kl", "KL", "F3"), ("loss/policy_avg", "policy", "F4"), ("loss/value_avg", "value", "F4"),
        ("completions/mean_length", "length", "F1"), ("sampling/sampling_logp_difference/max", "mismatch", "G3"), ("grad_norm", "gradient", "F2"), ("eval/loss", "held-out loss", "F4"), ("eval/accuracy", "held-out accuracy", "P1"),
        ("tokens_per_second", "tokens/s", "F0"),
    ];

    private readonly bool _json;
    private readonly Notes _notes;
    private readonly long _start = Stopwatch.GetTimestamp();
    private int _firstStep;

    private RunConsole(bool json, Notes notes) => (_json, _notes) = (json, notes);

    /// <summary>Opens the backend, runs, and says where things are.</summary>
    public static void Execute(ParseResult parse, string output, bool resume, Action<RunContext> run, CancellationToken stop)
    {
        Notes notes = new(parse.GetValue(GlobalOptions.Quiet), parse.GetValue(GlobalOptions.Verbose));
        RunConsole console = new(parse.GetValue(GlobalOptions.Json), notes);
        using IKernels kernels = OpenBackend.From(parse, out BackendReport backend);
        notes.Line(backend.Description);
        run(new RunContext { Kernels = kernels, Output = output, Resume = resume, Progress = console.Step, Note = notes.Line, Cancellation = stop });
        foreach (string report in Directory.EnumerateFiles(output, "report.html", SearchOption.AllDirectories).Order())
        {
            notes.Line($"model: {Path.Combine(Path.GetDirectoryName(report)!, "model")}  report: {report}");
        }
    }

    private void Step(RunProgress progress)
    {
        StepMetrics m = progress.Metrics;
        if (_json)
        {
            Console.Out.WriteLine(m.ToJson());
            Console.Out.Flush();
        }

        if (_firstStep == 0) { _firstStep = m.Step; }
        bool last = m.Step == progress.Steps;
        bool terminal = !Console.IsErrorRedirected;
        if (!terminal && !last && m.Step % Math.Max(1, progress.Steps / 50) != 0) { return; }
        double elapsed = Stopwatch.GetElapsedTime(_start).TotalSeconds;
        double left = elapsed / (m.Step - _firstStep + 1) * (progress.Steps - m.Step);
        string values = string.Join("  ", Shown.Where(s => !double.IsNaN(m[s.Key])).Select(s => $"{s.Label} {m[s.Key].ToString(s.Format, CultureInfo.InvariantCulture)}"));
        _notes.Line($"{progress.Kind} {m.Step}/{progress.Steps}  {values}  {m.Seconds:F2} s{(last ? "" : $", {TimeSpan.FromSeconds(left):hh\\:mm\\:ss} left")}");
    }
}
