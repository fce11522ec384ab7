using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Which rows of a batch run with which adapter: runs of consecutive rows, first to last. Reused from batch to batch.</summary>
/// <remarks>Rows are best grouped by adapter, since each run is a product of its own; results do not depend on it.</remarks>
public sealed class AdapterRows
{
    private readonly List<AdapterRun> _runs = [];
    private readonly List<AdapterRun> _heads = [];
    private int[] _expertOffsets = [], _expertTokens = [];
    private bool _anyExperts;

    /// <summary>False when no row has an adapter.</summary>
    public bool Any { get; private set; }

    /// <summary>Rows listed so far.</summary>
    public int Rows { get; private set; }

    /// <summary>The runs, in order.</summary>
    public IReadOnlyList<AdapterRun> Runs => _runs;

    // Runs of one vocabulary head: adapters without a head of their own count as none.
    internal List<AdapterRun> Heads => _heads;

    /// <summary>Forgets all rows.</summary>
    public void Clear()
    {
        _runs.Clear();
        _heads.Clear();
        (Rows, Any, _anyExperts) = (0, false, false);
    }

    /// <summary>The next rows of the batch.</summary>
    /// <param name="adapter">Theirs, or null.</param>
    /// <param name="rows">How many.</param>
    public void Add(LoraAdapter? adapter, int rows)
    {
        adapter?.Prepare();
        Append(_runs, new AdapterRun(adapter, Rows, rows));
        Append(_heads, new AdapterRun(adapter is { HasHead: true } ? adapter : null, Rows, rows));
        Rows += rows;
        Any |= adapter is not null;
        _anyExperts |= adapter is { HasExperts: true };
    }

    /// <summary>The same for rows [first, first + count) of the batch.</summary>
    public AdapterRows Slice(int first, int count)
    {
        AdapterRows part = new();
        foreach (AdapterRun run in _runs)
        {
            int from = Math.Max(first, run.First), to = Math.Min(first + count, run.First + run.Count);
            if (from < to) { part.Add(run.Adapter, to - from); }
        }

        return part;
    }

    /// <summary>Adds the changes of every row's adapter to a linear map's output.</summary>
    internal void Apply(Parameter weight, TensorPool pool, Tensor x, Tensor y)
    {
        foreach (AdapterRun run in _runs) { run.Adapter?.Apply(weight, pool, run.Of(x), run.Of(y)); }
    }

    /// <summary>Adds the changes of every row's adapter to the outputs of experts.</summary>
    /// <remarks>Rows come by expert and, within one, by token (<see cref="IExpertKernels.GroupChoices"/>): those of a run are consecutive. Where they begin is read back from the device, for
    /// batches with adapters of experts alone.</remarks>
    internal void ApplyExperts(ExpertWeights experts, IKernels kernels, TensorPool pool, ExpertTape route, Tensor x, Tensor y)
    {
        if (!_anyExperts) { return; }
        int count = experts.Parameters.Count, choices = (int)x.Shape[0];
        if (_expertOffsets.Length < count + 1) { _expertOffsets = new int[count + 1]; }
        if (_expertTokens.Length < choices) { _expertTokens = new int[choices * 2]; }
        kernels.Download(route.Offsets, _expertOffsets.AsSpan(0, count + 1));
        kernels.Download(route.Tokens, _expertTokens.AsSpan(0, choices));
        for (int e = 0; e < count; e++)
        {
            int row = _expertOffsets[e], end = _expertOffsets[e + 1];
            foreach (AdapterRun run in _runs)
            {
                int first = row;
                while (row < end && _expertTokens[row] < run.First + run.Count) { row++; }
                if (row > first) { run.Adapter?.Apply(experts.Parameters[e], pool, x.Rows(first, row - first), y.Rows(first, row - first)); }
            }
        }
    }

    /// <summary>Brings every row of the token table to its adapter's.</summary>
    internal void ApplyTable(TensorPool pool, Tensor ids, Tensor y, float scale)
    {
        foreach (AdapterRun run in _runs) { run.Adapter?.ApplyTable(pool, run.Of(ids), run.Of(y), scale); }
    }

    private static void Append(List<AdapterRun> runs, AdapterRun run)
    {
        if (runs.Count > 0 && runs[^1].Adapter == run.Adapter) { runs[^1] = runs[^1] with { Count = runs[^1].Count + run.Count }; }
        else { runs.Add(run); }
    }
}

/// <summary>Consecutive rows with one adapter.</summary>
/// <param name="Adapter">Theirs, or null.</param>
/// <param name="First">The first row.</param>
/// <param name="Count">How many.</param>
public readonly record struct AdapterRun(LoraAdapter? Adapter, int First, int Count)
{
    /// <summary>These rows of a tensor of the batch; empty stays empty.</summary>
    public Tensor Of(Tensor tensor) => tensor.IsEmpty ? tensor : tensor.Rows(First, Count);
}
