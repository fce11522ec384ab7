using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>The adapters of one base by name: loaded, replaced and unloaded while requests run. Not thread-safe: on the thread that uses the decoder's kernels.</summary>
public sealed class AdapterSet : IDisposable
{
    private readonly Decoder _decoder;
    private readonly SortedDictionary<string, LoraAdapter> _byName = new(StringComparer.Ordinal);

    /// <param name="decoder">The base; not owned.</param>
    public AdapterSet(Decoder decoder) => _decoder = decoder;

    /// <summary>Names of the loaded adapters.</summary>
    public IReadOnlyCollection<string> Names => _byName.Keys;

    /// <summary>Bytes of the loaded adapters on the device.</summary>
    public long Bytes => _byName.Values.Sum(a => a.Bytes);

    /// <summary>The adapter of this name.</summary>
    /// <exception cref="InvalidInputException">There is none.</exception>
    public LoraAdapter this[string name] => _byName.TryGetValue(name, out LoraAdapter? adapter) ? adapter
        : throw new InvalidInputException("adapter", $"'{name}'", _byName.Count == 0 ? "none: no adapter is loaded" : $"one of {string.Join(", ", _byName.Keys)}");

    /// <summary>The adapter of this name, or null.</summary>
    public LoraAdapter? Find(string name) => _byName.GetValueOrDefault(name);

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
        Unload(name);
        return _byName[name] = adapter;
    }

    /// <summary>Takes an adapter out: no new request gets it, those that run with it end with it, then its memory goes back.</summary>
    /// <returns>False when there is none of this name.</returns>
    public bool Unload(string name)
    {
        if (!_byName.Remove(name, out LoraAdapter? adapter)) { return false; }
        adapter.Unload();
        return true;
    }

    /// <summary>Unloads all.</summary>
    public void Dispose()
    {
        foreach (LoraAdapter adapter in _byName.Values) { adapter.Unload(); }
        _byName.Clear();
    }
}
