using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>A low-rank adapter on the device, beside one <see cref="Decoder"/> whose weights it never touches. Rows of a batch that name it get its changes added, others none.</summary>
/// <remarks>
/// Made by <see cref="AdapterSet"/> or directly. Who runs rows with it holds it (<see cref="Acquire"/>, <see cref="Release"/>): unloading forbids new holders, the last holder to leave gives the
/// memory back. Not thread-safe: on the thread that uses the decoder's kernels.
/// </remarks>
public sealed class LoraAdapter : IDisposable
{
    private static long _lastNumber;

    private readonly Decoder _decoder;
    private readonly Dictionary<Parameter, LoraProjection> _projections = [];
    private readonly LoraTable? _table;
    private readonly Parameter? _head;
    private readonly float[]? _wholeHead;
    private readonly LoraDelta? _headChange;
    private long _preparedFor = -1;
    private int _holders;
    private bool _unloaded;

    /// <param name="name">What requests call it.</param>
    /// <param name="decoder">The base; not owned.</param>
    /// <param name="weights">Read for this base.</param>
    public LoraAdapter(string name, Decoder decoder, LoraWeights weights)
    {
        (Name, _decoder, Number) = (name, decoder, Interlocked.Increment(ref _lastNumber));
        IKernels kernels = decoder.Kernels;
        try
        {
            LoraDelta? table = null;
            List<LoraDelta> linear = [];
            foreach (LoraDelta change in weights.Changes)
            {
                if (change.Target.Role == ParameterRole.Embedding) { table = change; }
                else if (change.Target.Role == ParameterRole.Head) { _headChange = change; }
                else { linear.Add(change); }
                HasExperts |= change.Target.Expert >= 0;
            }

            foreach (IGrouping<Parameter, LoraDelta> group in linear.GroupBy(c => decoder.Find(c.Target)))
            {
                _projections[group.Key] = new LoraProjection(kernels, group.Key, BiasOf(group.Key), [.. group]);
            }

            float[]? wholeTable = Replacement(weights, ParameterRole.Embedding);
            _wholeHead = Replacement(weights, ParameterRole.Head);
            if (table is not null || wholeTable is not null) { _table = new LoraTable(kernels, decoder.Embedding, wholeTable, table); }
            if (_headChange is not null || _wholeHead is not null) { _head = new Parameter(kernels, LoraFit.TiedHead(decoder.Config)); }
            if (weights.Score is { } score)
            {
                Score = new ScalarHead(kernels, decoder.Config.EmbeddingSize);
                Score.Weight.Set(score);
            }

            Prepare();
        }
        catch
        {
            Free();
            throw;
        }
    }

    /// <summary>What requests call it.</summary>
    public string Name { get; }

    /// <summary>Unique in this process: another load, or another state of the weights, has another number. Keys of caches hold it.</summary>
    public long Number { get; }

    /// <summary>The adapter's own scalar head, when it has one.</summary>
    public ScalarHead? Score { get; }

    /// <summary>Requests and scorers that hold it now.</summary>
    public int Holders => _holders;

    /// <summary>True once it takes no new holders.</summary>
    public bool IsUnloaded => _unloaded;

    /// <summary>Bytes on the device.</summary>
    public long Bytes => _projections.Values.Sum(p => p.Bytes) + (_table?.Bytes ?? 0) + (_head?.Value.Memory!.Bytes ?? 0);

    /// <summary>Every linear map that it changes.</summary>
    public IReadOnlyCollection<LoraProjection> Projections => _projections.Values;

    /// <summary>Loads an adapter's folder for a base.</summary>
    /// <exception cref="HybridEngineException">It is damaged, not supported, or belongs to another base; one line says which tensor and why.</exception>
    public static LoraAdapter Load(string name, string path, Decoder decoder) => new(name, decoder, LoraWeights.Load(path, decoder.Config, decoder.Bindings));

    /// <summary>One holder more.</summary>
    /// <exception cref="InvalidInputException">It was unloaded, or belongs to another base.</exception>
    public void Acquire(Decoder decoder)
    {
        if (_unloaded) { throw new InvalidInputException("adapter", $"'{Name}', which was unloaded", "a loaded adapter"); }
        if (decoder != _decoder) { throw new InvalidInputException("adapter", $"'{Name}' of another model", "an adapter that was loaded for this one"); }
        _holders++;
    }

    /// <summary>One holder less; the last one of an unloaded adapter gives its memory back.</summary>
    public void Release()
    {
        if (_holders <= 0) { throw new InvalidOperationException($"Adapter '{Name}' has no holder."); }
        if (--_holders == 0 && _unloaded) { Free(); }
    }

    /// <summary>Takes no new holders; the memory goes back when the last one has left.</summary>
    public void Unload()
    {
        if (_unloaded) { return; }
        _unloaded = true;
        if (_holders == 0) { Free(); }
    }

    /// <summary>The same as <see cref="Unload"/>.</summary>
    public void Dispose() => Unload();

    /// <summary>Computes anew what depends on the base's weights (norms of weight-decomposed rows, a changed head), when those were written since.</summary>
    internal void Prepare()
    {
        if (_preparedFor == _decoder.WeightVersion || !_decoder.HasWeights) { return; }
        _preparedFor = _decoder.WeightVersion;
        foreach (LoraProjection projection in _projections.Values) { projection.Refresh(_decoder.Kernels); }
        if (_head is null) { return; }
        float[] head = _wholeHead ?? _decoder.Head.ToArray();
        if (_headChange is not null)
        {
            head = [.. head];
            _headChange.MergeInto(head);
        }

        _head.Set(head);
    }

    /// <summary>It changes experts.</summary>
    internal bool HasExperts { get; }

    /// <summary>It has a vocabulary head of its own.</summary>
    internal bool HasHead => _head is not null;

    /// <summary>The vocabulary head of rows with this adapter: its own, or the base's.</summary>
    internal Parameter Head => _head ?? _decoder.Head;

    internal void Apply(Parameter weight, TensorPool pool, Tensor x, Tensor y)
    {
        if (_projections.TryGetValue(weight, out LoraProjection? projection)) { projection.Apply(_decoder.Kernels, pool, x, y); }
    }

    internal void ApplyTable(TensorPool pool, Tensor ids, Tensor y, float scale) => _table?.Apply(_decoder.Kernels, pool, ids, y, scale);

    private Parameter? BiasOf(Parameter weight)
    {
        ParameterBinding first = weight.Binding;
        ParameterBinding? bias = _decoder.Bindings.FirstOrDefault(b => b.IsBias && b.Role == first.Role && b.Layer == first.Layer && b.Expert == first.Expert);
        return bias is null ? null : _decoder.Find(bias);
    }

    private static float[]? Replacement(LoraWeights weights, ParameterRole role)
    {
        foreach ((ParameterBinding target, float[] values) in weights.Replaced)
        {
            if (target.Role == role) { return values; }
        }

        return null;
    }

    private void Free()
    {
        foreach (LoraProjection projection in _projections.Values) { projection.Dispose(); }
        _table?.Dispose();
        _head?.Dispose();
        Score?.Dispose();
    }
}
