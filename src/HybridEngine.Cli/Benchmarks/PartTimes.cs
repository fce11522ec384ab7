using System.Diagnostics;

namespace HybridEngine.Cli.Benchmarks;

/// <summary>Seconds of the parts of each repetition; those of the one before the first (-1) are dropped.</summary>
internal sealed class PartTimes
{
    private readonly Dictionary<string, double[]> _seconds;

    public PartTimes(BenchCase test, params string[] parts) => _seconds = parts.ToDictionary(p => p, _ => new double[test.Repetitions]);

    public IReadOnlyDictionary<string, double[]> Seconds => _seconds;

    public void Add(int repetition, string part, double seconds)
    {
        if (repetition >= 0) { _seconds[part][repetition] += seconds; }
    }

    public void Time(int repetition, string part, Action work)
    {
        long start = Stopwatch.GetTimestamp();
        work();
        Add(repetition, part, Stopwatch.GetElapsedTime(start).TotalSeconds);
    }
}
