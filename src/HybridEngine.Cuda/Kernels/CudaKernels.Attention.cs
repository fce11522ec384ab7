using HybridEngine.Core;

namespace HybridEngine.Cuda;

public sealed unsafe partial class CudaKernels
{
    private const int CacheThreads = 128;

    private static readonly Kernel _writeCache = new("attention.cache", "write_cache", CacheThreads), _copyBlocks = new("attention.cache", "copy_blocks", CacheThreads);

    /// <inheritdoc />
    /// <remarks>Blocks of [key head][position][element]; 8-bit ones have rows filled up to four bytes, and then [key head][position] float32 scales.</remarks>
    public KvLayer CreateKv(int blocks, int blockSize, int keyHeads, int headSize, DType dtype = DType.Float32)
    {
        Contract.CreateKv(blocks, blockSize, keyHeads, headSize, dtype);
        long elements = CacheBlockBytes(dtype, keyHeads, blockSize, headSize) / dtype.BlockBytes();
        return new KvLayer(Allocate(dtype, blocks, elements), Allocate(dtype, blocks, elements), blocks, blockSize, keyHeads, headSize);
    }

    /// <inheritdoc />
    public void WriteKv(Tensor k, Tensor v, Tensor slots, KvLayer cache)
    {
        Contract.WriteKv(Device, k, v, slots, cache);
        _device.Launch(_writeCache, new Grid(k.Shape[0], 2), new WriteCacheArguments
        {
            K = At(k), KStride = RowStride(k), V = At(v), VStride = RowStride(v), Slots = At(slots), Keys = At(cache.Keys), Values = At(cache.Values), KeyHeads = cache.KeyHeads, HeadSize = cache.HeadSize,
            BlockSize = cache.BlockSize, Type = CacheType(cache),
        });
    }

    /// <inheritdoc />
    public void CopyKvBlocks(KvLayer cache, Tensor sources, Tensor destinations)
    {
        Contract.CopyKvBlocks(Device, cache, sources, destinations);
        _device.Launch(_copyBlocks, new Grid(sources.Count, 2), new CopyBlocksArguments
        {
            Keys = At(cache.Keys), Values = At(cache.Values), Sources = At(sources), Destinations = At(destinations),
            Words = CacheBlockBytes(cache.Keys.DType, cache.KeyHeads, cache.BlockSize, cache.HeadSize) / sizeof(float),
        });
    }

    /// <inheritdoc />
    public void Attention(Tensor q, Tensor k, Tensor v, Tensor offsets, AttentionOptions options, Tensor y, Tensor logSumExp)
    {
        Contract.Attention(Device, q, k, v, offsets, options, y, logSumExp);
        if (OnTensorCores(options.KeyValueType, options.HeadSize)) { AttendPackedOnTensorCores(q, k, v, offsets, options, y, logSumExp); }
        else { AttendPackedInFloat(q, k, v, offsets, options, y, logSumExp); }
    }

    /// <inheritdoc />
    /// <remarks>In float32 throughout; where the forward went over tensor cores, of the queries, keys and values as they were rounded there.</remarks>
    public void AttentionBackward(Tensor q, Tensor k, Tensor v, Tensor y, Tensor logSumExp, Tensor dy, Tensor offsets, AttentionOptions options, Tensor dq, Tensor dk, Tensor dv)
    {
        Contract.AttentionBackward(Device, q, k, v, y, logSumExp, dy, offsets, options, dq, dk, dv);
        if (q.Shape[0] == 0) { return; }
        if (!OnTensorCores(options.KeyValueType, options.HeadSize))
        {
            AttendBackwardInFloat(q, k, v, y, logSumExp, dy, offsets, options, dq, dk, dv);
            return;
        }

        Tensor narrow = Narrowed(q), rounded = _scratch.Rent(DType.Float32, q.Shape[0], q.Shape[1], q.Shape[2]);
        Cast(AsRows(narrow), AsRows(rounded));
        AttendBackwardInFloat(rounded, k, v, y, logSumExp, dy, offsets, options, dq, dk, dv);
        _scratch.Return(narrow);
        _scratch.Return(rounded);
    }

    /// <inheritdoc />
    public void PagedAttention(Tensor q, KvLayer cache, Tensor queryOffsets, Tensor contextLengths, Tensor blockTables, AttentionOptions options, Tensor y)
    {
        Contract.PagedAttention(Device, q, cache, queryOffsets, contextLengths, blockTables, options, y);
        if (OnTensorCores(cache.Keys.DType, options.HeadSize)) { AttendPagedOnTensorCores(q, cache, queryOffsets, contextLengths, blockTables, options, y); }
        else { AttendPagedInFloat(q, cache, queryOffsets, contextLengths, blockTables, options, y); }
    }

    // cache_block_bytes of the header.
    private static long CacheBlockBytes(DType dtype, int keyHeads, int blockSize, int headSize) =>
        (long)keyHeads * blockSize * (dtype == DType.UInt8 ? (headSize + 3) / 4 * 4 + sizeof(float) : headSize * (long)dtype.BlockBytes());

    // KeyType of the header.
    private static int CacheType(KvLayer cache) => cache.Keys.DType switch { DType.BFloat16 => 2, DType.UInt8 => 3, _ => 0 };
}
