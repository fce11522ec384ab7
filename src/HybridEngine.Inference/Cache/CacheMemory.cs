using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Inference;

/// <summary>The memory behind the blocks: it grows with what has been asked, keeping what it holds, within a budget of bytes.</summary>
internal sealed class CacheMemory : IDisposable
{
    private readonly IKernels _kernels;
    private readonly Decoder[] _models;
    private readonly EngineOptions _options;
    private KvCache[] _caches = [];

    /// <param name="kernels">Where it lives.</param>
    /// <param name="models">Whose keys and values: the model's and a draft model's, which use the same block numbers.</param>
    /// <param name="options">Block size and budget.</param>
    /// <param name="maxContext">Longest sequence.</param>
    public CacheMemory(IKernels kernels, Decoder[] models, EngineOptions options, int maxContext)
    {
        (_kernels, _models, _options) = (kernels, models, options);
        Blocks = new BlockManager(0, options.BlockSize, options.PrefixCache);
        long budget = options.CacheBlocks > 0 ? options.CacheBlocks : options.MaxCacheBytes / models.Sum(m => KvCache.BlockBytes(kernels, m.Config, options.BlockSize, m.Precision.KeyValueType));
        long useful = (maxContext + options.BlockSize - 1L) / options.BlockSize * options.MaxSequences;
        MostBlocks = (int)Math.Min(options.CacheBlocks > 0 ? budget : Math.Min(budget, useful), int.MaxValue / options.BlockSize);
    }

    /// <summary>Who reads which block.</summary>
    public BlockManager Blocks { get; private set; }

    /// <summary>Blocks within the budget.</summary>
    public int MostBlocks { get; }

    /// <summary>Bytes that are allocated now.</summary>
    public long Bytes => _caches.Sum(c => c.Bytes);

    /// <summary>Keys and values of a model, by its number in the constructor.</summary>
    public KvCache this[int model] => _caches[model];

    /// <summary>Grows until <paramref name="wanted"/> blocks are there, as far as the budget goes.</summary>
    public void Provide(long wanted)
    {
        int blocks = _options.CacheBlocks > 0 ? MostBlocks : (int)Math.Clamp(wanted, 1, MostBlocks);
        if (Blocks.Blocks >= blocks) { return; }
        // At least twice as large, so that all copying together is in proportion to the last size.
        if (Blocks.Blocks > 0) { blocks = (int)Math.Min(MostBlocks, Math.Max(blocks, 2L * Blocks.Blocks)); }
        if (_caches.Length == 0) { _caches = Create(blocks); }
        else
        {
            foreach (KvCache cache in _caches) { cache.Grow(blocks); }
        }

        Blocks.Grow(blocks);
    }

    // Of its own: what a lambda captures is allocated when its method begins, and Provide begins every step.
    private KvCache[] Create(int blocks) => Array.ConvertAll(_models, m => new KvCache(_kernels, m.Config, blocks, _options.BlockSize, m.Precision.KeyValueType));

    /// <summary>Copies blocks of every model: <c>destinations[i] = sources[i]</c>, both [n] int32.</summary>
    public void CopyBlocks(Tensor sources, Tensor destinations)
    {
        foreach (KvCache cache in _caches) { cache.CopyBlocks(sources, destinations); }
    }

    /// <summary>Gives everything back, while nobody reads a block.</summary>
    public void Release()
    {
        foreach (KvCache cache in _caches) { cache.Dispose(); }
        _caches = [];
        Blocks = new BlockManager(0, _options.BlockSize, _options.PrefixCache);
    }

    /// <inheritdoc />
    public void Dispose() => Release();
}
