using System.Text;
using System.Text.Json;
using HybridEngine.Core;

namespace HybridEngine.Rlhf;

/// <summary><c>metrics.jsonl</c>: a line a step, each with the operating system before the next step begins.</summary>
public sealed class MetricsLog : IDisposable
{
    private readonly FileStream _file;
    private readonly string _path;

    /// <summary>Opens the log to append after <paramref name="lastStep"/>: lines of later steps, and one that a killed process left half written, are dropped.</summary>
    /// <param name="path">The file.</param>
    /// <param name="lastStep">Step of the checkpoint that the run continues from; 0 starts anew.</param>
    public MetricsLog(string path, int lastStep)
    {
        _path = path;
        History = [.. Read(path).Where(m => m.Step <= lastStep)];
        try
        {
            _file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new HybridEngineException($"{path}: cannot be written: {e.Message.TrimEnd('.')}", e);
        }

        List<StepMetrics> kept = History;
        foreach (StepMetrics line in kept) { Write(line); }
    }

    /// <summary>Every line so far.</summary>
    public List<StepMetrics> History { get; }

    /// <summary>Appends a line.</summary>
    /// <exception cref="HybridEngineException">The disk is full.</exception>
    public void Add(StepMetrics metrics)
    {
        ArgumentNullException.ThrowIfNull(metrics);
        Write(metrics);
        History.Add(metrics);
    }

    /// <summary>The whole lines of a log; none when there is no file.</summary>
    public static IReadOnlyList<StepMetrics> Read(string path)
    {
        if (!File.Exists(path)) { return []; }
        List<StepMetrics> lines = [];
        foreach (string line in File.ReadLines(path))
        {
            if (Parse(line) is { } metrics) { lines.Add(metrics); }
        }

        return lines;
    }

    /// <inheritdoc />
    public void Dispose() => _file.Dispose();

    private void Write(StepMetrics metrics)
    {
        try
        {
            _file.Write(Encoding.UTF8.GetBytes(metrics.ToJson() + "\n"));
            _file.Flush();
        }
        catch (IOException e)
        {
            throw new HybridEngineException($"{_path}: cannot be written: {e.Message.TrimEnd('.')}", e);
        }
    }

    private static StepMetrics? Parse(string line)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(line);
            JsonElement root = document.RootElement;
            StepMetrics metrics = new(root.GetProperty("step").GetInt32()) { Seconds = root.GetProperty("seconds").GetDouble(), Tokens = root.GetProperty("tokens").GetInt64() };
            foreach (JsonProperty p in root.EnumerateObject())
            {
                if (p.Name is not ("step" or "seconds" or "tokens")) { metrics[p.Name] = p.Value.ValueKind == JsonValueKind.Number ? p.Value.GetDouble() : double.NaN; }
            }

            return metrics;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }
}
