using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>The adapters of one base by name: loaded, replaced and unloaded while requests run.</summary>
/// <remarks>Names may be looked up on any thread; loading and unloading are for the thread that uses the decoder's kernels.</remarks>
public sealed class AdapterSet : IDisposable
{
    private readonly Decoder _decoder;
    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, LoraAdapter> _byName = new(StringComparer.Ordinal);

    /// <param name="decoder">The base; not owned.</param>
    public AdapterSet(Decoder decoder) => _decoder = decoder;

    /// <summary>Names of the loaded adapters.</summary>
    public IReadOnlyCollection<string> Names
    {
        get
        {
            lock (_lock) { return [.. _byName.Keys]; }
        }
    }

    /// <summary>Bytes of the loaded adapters on the device.</summary>
    public long Bytes
    {
        get
        {
            lock (_lock) { return _byName.Values.Sum(a => a.Bytes); }
        }
    }

    /// <summary>The adapter of this name.</summary>
    /// <exception cref="InvalidInputException">There is none.</exception>
    public LoraAdapter this[string name] => Find(name)
        ?? throw new InvalidInputException("adapter", $"'{name}'", Names is { Count: > 0 } names ? $"one of {string.Join(", ", names)}" : "none: no adapter is loaded");

    /// <summary>The adapter of this name, or null.</summary>
    public LoraAdapter? Find(string name)
    {
        lock (_lock) { return _byName.GetValueOrDefault(name); }
    }

    /// <summary>Loads an adapter's folder. One of the same name is replaced: what runs with the old one ends with it.</summary>
    /// <param name="name">What requests will call it; not empty.</param>
    /// <param name="path">A folder in PEFT's layout.</param>
    /// <exception cref="HybridEngineException">It is damaged, not supported, or belongs to another base; the one that was there stays.</exception>
    public LoraAdapter Load(string name, string path) => Add(name, LoraWeights.Load(path, _decoder.Config, _decoder.Bindings));

    /// <summary>Loads an adapter from its numbers. One of the same name is replaced: what runs with the old one ends with it.</summary>
    /// <inheritdoc cref="Load" />
    public LoraAdapter Add(string name, LoraWeights weights)
    {
        if (string.IsNullOrWhiteSpace(name)) { throw new InvalidInputException("adapter", $"name '{name}'", "a name"); }
        LoraAdapter adapter = new(name, _decoder, weights);
        LoraAdapter? old;
        lock (_lock)
        {
            old = _byName.GetValueOrDefault(name);
            _byName[name] = adapter;
        }

        old?.Unload();
        return adapter;
    }

    /// <summary>Takes an adapter out: no new request gets it, those that run with it end with it, then its memory goes back.</summary>
    /// <returns>False when there is none of this name.</returns>
    public bool Unload(string name)
    {
        LoraAdapter? adapter;
        lock (_lock) { _byName.Remove(name, out adapter); }
        adapter?.Unload();
        return adapter is not null;
    }

    /// <summary>Unloads all.</summary>
    public void Dispose()
    {
        foreach (string name in Names) { Unload(name); }
    }
}
