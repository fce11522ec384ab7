using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>The paged keys and values of all layers: block b of every layer belongs to the same positions of the same sequence.</summary>
public sealed class KvCache : IDisposable
{
    private readonly IKernels _kernels;
    private readonly KvLayer[] _layers;

    /// <param name="kernels">Where it lives.</param>
    /// <param name="config">Layers and heads.</param>
    /// <param name="blocks">Blocks in every layer.</param>
    /// <param name="blockSize">Positions a block; a multiple of 16.</param>
    public KvCache(IKernels kernels, DecoderConfig config, int blocks, int blockSize)
    {
        (_kernels, Blocks, BlockSize) = (kernels, blocks, blockSize);
        _layers = new KvLayer[config.Layers];
        for (int l = 0; l < _layers.Length; l++) { _layers[l] = kernels.CreateKv(blocks, blockSize, config.KeyHeads, config.HeadSize); }
    }

    /// <summary>Blocks in every layer.</summary>
    public int Blocks { get; }

    /// <summary>Positions a block.</summary>
    public int BlockSize { get; }

    /// <summary>Bytes of all layers.</summary>
    public long Bytes => _layers.Sum(l => l.Keys.Memory!.Bytes + l.Values.Memory!.Bytes);

    /// <summary>The cache of one layer.</summary>
    public KvLayer this[int layer] => _layers[layer];

    /// <summary>Bytes of one block over all layers of a model (float32), before a backend's padding.</summary>
    public static long BlockBytes(DecoderConfig config, int blockSize) =>
        2L * config.Layers * blockSize * config.KeyHeads * config.HeadSize * sizeof(float);

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
}
