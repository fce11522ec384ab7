using System.Diagnostics;
using HybridEngine.Rlhf;
using Spectre.Console;

namespace HybridEngine.Cli.Output;

/// <summary>The demo's live table: a row a stage with its bar and the numbers that matter. Where there is no terminal, a line every tenth of a stage.</summary>
internal sealed class DemoBoard : IDisposable
{
    private static readonly (string Stage, string Name)[] Stages = [("sft", "1 SFT"), ("reward", "2 reward model"), ("ppo", "3 PPO")];

    private readonly Notes _notes;
    private readonly bool _live;
    private readonly Table _table;
    private readonly Dictionary<string, long> _started = [];
    private readonly LiveSession? _session;
    private long _lastRefresh;

    public DemoBoard(Notes notes)
    {
        _notes = notes;
        _live = !notes.Quiet && notes.Console.Profile.Capabilities.Interactive && notes.Console.Profile.Capabilities.Ansi && !Console.IsErrorRedirected;
        _table = new Table().Border(TableBorder.Rounded).AddColumns("stage", "progress", "loss", "what it learns", "seconds");
        foreach ((_, string name) in Stages) { _table.AddRow(name, Bar(0), "", "", ""); }
        if (_live) { _session = new LiveSession(notes.Console, _table); }
    }

    /// <summary>After every training step.</summary>
    public void Update(PocketProgress p)
    {
        int step = p.Metrics.Step;
        if (!_started.TryGetValue(p.Stage, out long start)) { _started[p.Stage] = start = Stopwatch.GetTimestamp(); }
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        if (!_live)
        {
            if (step % Math.Max(1, p.Steps / 10) == 0) { _notes.Line($"{p.Stage,-7} {step,5}/{p.Steps}  {Loss(p)}  {What(p)}  {seconds:F1} s"); }
            return;
        }

        if (step < p.Steps && Stopwatch.GetElapsedTime(_lastRefresh) < TimeSpan.FromMilliseconds(100)) { return; }
        _lastRefresh = Stopwatch.GetTimestamp();
        int row = Array.FindIndex(Stages, s => s.Stage == p.Stage);
        _table.UpdateCell(row, 1, $"{Bar((double)step / p.Steps)} {step}/{p.Steps}");
        _table.UpdateCell(row, 2, Markup.Escape(Loss(p)));
        _table.UpdateCell(row, 3, Markup.Escape(What(p)));
        _table.UpdateCell(row, 4, $"{seconds:F1}");
        _session!.Refresh();
    }

    public void Dispose() => _session?.Dispose();

    private static string Loss(PocketProgress p) => p.Stage == "ppo" ? $"{p.Metrics["loss/policy_avg"]:F4}" : $"{p.Metrics["loss"]:F4}";

    private static string What(PocketProgress p) => p.Stage switch
    {
        "sft" => $"gradient {p.Metrics["grad_norm"]:F2}",
        "reward" => $"prefers the better answer {p.Metrics["accuracy"]:P0}",
        _ => $"exact {p.Metrics["pocket/exact"]:P0}, score {p.Metrics["objective/scores"]:F2}, KL {p.Metrics["objective/kl"]:F2}",
    };

    private static string Bar(double share)
    {
        const int width = 24;
        int full = (int)Math.Round(share * width);
        return $"[green]{new string('━', full)}[/][grey]{new string('━', width - full)}[/]";
    }

    // Spectre's live display runs its own callback; training runs on the caller's thread and hands over frames.
    private sealed class LiveSession : IDisposable
    {
        private readonly ManualResetEventSlim _done = new();
        private readonly Thread _thread;
        private LiveDisplayContext? _context;

        public LiveSession(IAnsiConsole console, Table table)
        {
            using ManualResetEventSlim ready = new();
            _thread = new Thread(() => console.Live(table).Start(context =>
            {
                _context = context;
                ready.Set();
                _done.Wait();
            }))
            { IsBackground = true };
            _thread.Start();
            ready.Wait();
        }

        public void Refresh() => _context!.Refresh();

        public void Dispose()
        {
            _context!.Refresh();
            _done.Set();
            _thread.Join();
            _done.Dispose();
        }
    }
}
