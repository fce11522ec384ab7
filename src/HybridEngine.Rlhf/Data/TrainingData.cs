using HybridEngine.Core;

namespace HybridEngine.Rlhf;

/// <summary>Reads, splits, tokenises and blends the data of a run.</summary>
public static class TrainingData
{
    /// <summary>A blend of all sources as an endless stream.</summary>
    /// <param name="sources">Files and weights.</param>
    /// <param name="options">Split, seed, shuffle.</param>
    /// <param name="convert">One line to one item, or null to drop it.</param>
    /// <param name="note">Told how many lines were dropped, a source a line.</param>
    /// <exception cref="HybridEngineException">A file is damaged or holds nothing usable.</exception>
    public static BlendedStream<T> Stream<T>(IReadOnlyList<DataSource> sources, TrainerOptions options, Func<Example, T?> convert, Action<string>? note = null) where T : class
    {
        ArgumentNullException.ThrowIfNull(sources);
        ArgumentNullException.ThrowIfNull(options);
        if (sources.Count == 0) { throw new InvalidInputException("data", "none", "the path of a JSON Lines file"); }
        return new BlendedStream<T>([.. sources.Select(s => (s.Path, (IReadOnlyList<T>)Items(s, options, convert, note), s.Weight))], (ulong)options.Seed, options.Shuffle);
    }

    /// <summary>All items of all sources in order, for evaluations; never split.</summary>
    public static IReadOnlyList<T> All<T>(IReadOnlyList<DataSource> sources, Func<Example, T?> convert) where T : class
    {
        ArgumentNullException.ThrowIfNull(sources);
        return [.. sources.SelectMany(s => JsonLines.Read(s.Path)).Select(line => convert(Example.Parse(line))).OfType<T>()];
    }

    private static List<T> Items<T>(DataSource source, TrainerOptions options, Func<Example, T?> convert, Action<string>? note) where T : class
    {
        IReadOnlyList<JsonLine> lines = JsonLines.Read(source.Path);
        if (options.Split.Length > 0)
        {
            lines = [.. DataSplit.Indices(lines.Count, DataSplit.Parse(options.Split), options.SplitIndex, (ulong)options.Seed).Select(i => lines[i])];
        }

        List<T> items = new(lines.Count);
        foreach (JsonLine line in lines)
        {
            if (convert(Example.Parse(line)) is { } item) { items.Add(item); }
        }

        if (items.Count < lines.Count) { note?.Invoke($"{source.Path}: {lines.Count - items.Count} of {lines.Count} lines have nothing to learn within max_length and are left out"); }
        return items;
    }
}
