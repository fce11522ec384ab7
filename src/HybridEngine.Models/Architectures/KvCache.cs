using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>The paged keys and values of all layers: block b of every layer belongs to the same positions of the same sequence.</summary>
public sealed class KvCache : IDisposable
{
    private readonly IKernels _kernels;
    private readonly DecoderConfig _config;
    private readonly DType _dtype;
    private readonly KvLayer[] _layers;

    /// <param name="kernels">Where it lives.</param>
    /// <param name="config">Layers and heads.</param>
    /// <param name="blocks">Blocks in every layer.</param>
    /// <param name="blockSize">Positions a block; a multiple of 16.</param>
    /// <param name="dtype"><see cref="Precision.KeyValueType"/>.</param>
    public KvCache(IKernels kernels, DecoderConfig config, int blocks, int blockSize, DType dtype = DType.Float32)
    {
        (_kernels, _config, Blocks, BlockSize, _dtype) = (kernels, config, blocks, blockSize, dtype);
        _layers = new KvLayer[config.Layers];
        for (int l = 0; l < _layers.Length; l++) { _layers[l] = Create(blocks); }
    }

    /// <summary>Blocks in every layer.</summary>
    public int Blocks { get; private set; }

    /// <summary>Positions a block.</summary>
    public int BlockSize { get; }

    /// <summary>Bytes of all layers.</summary>
    public long Bytes => _layers.Sum(l => l.Keys.Memory!.Bytes + l.Values.Memory!.Bytes);

    /// <summary>The cache of one layer.</summary>
    public KvLayer this[int layer] => _layers[layer];

    /// <summary>Bytes of one block over all layers of a model, the backend's padding included.</summary>
    public static long BlockBytes(IKernels kernels, DecoderConfig config, int blockSize, DType dtype = DType.Float32)
    {
        using KvLayer one = kernels.CreateKv(1, blockSize, config.KeyHeads, config.HeadSize, dtype);
        return config.Layers * (one.Keys.Memory!.Bytes + one.Values.Memory!.Bytes);
    }

    /// <summary>Makes room for more blocks; what the present ones hold stays. Layer by layer, so that only one is there twice.</summary>
    public void Grow(int blocks)
    {
        if (blocks < Blocks) { throw new ArgumentOutOfRangeException(nameof(blocks), blocks, $"Less than the present {Blocks}."); }
        for (int l = 0; l < _layers.Length; l++)
        {
            KvLayer old = _layers[l], grown = Create(blocks);
            _kernels.Copy(Flat(old.Keys), First(grown.Keys, old.Keys.Count));
            _kernels.Copy(Flat(old.Values), First(grown.Values, old.Values.Count));
            _kernels.Synchronize();
            _layers[l] = grown;
            old.Dispose();
        }

        Blocks = blocks;
    }

    /// <summary>Copies blocks in every layer: <c>destinations[i] = sources[i]</c>, both [n] int32.</summary>
    public void CopyBlocks(Tensor sources, Tensor destinations)
    {
        foreach (KvLayer layer in _layers) { _kernels.CopyKvBlocks(layer, sources, destinations); }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        foreach (KvLayer layer in _layers) { layer.Dispose(); }
    }

    private KvLayer Create(int blocks) => _kernels.CreateKv(blocks, BlockSize, _config.KeyHeads, _config.HeadSize, _dtype);

    // A layer's blocks lie one after another (KvLayer), so the first n blocks are the first elements.
    private static Tensor First(Tensor blocks, long count) => new(blocks.Memory!, blocks.DType, new Shape(count));

    private static Tensor Flat(Tensor blocks) => First(blocks, blocks.Count);
}
