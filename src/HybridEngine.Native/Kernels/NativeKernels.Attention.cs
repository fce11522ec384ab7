using HybridEngine.Core;

namespace HybridEngine.Native;

public sealed unsafe partial class NativeKernels
{
    /// <inheritdoc />
    public KvLayer CreateKv(int blocks, int blockSize, int keyHeads, int headSize, DType dtype = DType.Float32)
    {
        Contract.CreateKv(blocks, blockSize, keyHeads, headSize, dtype);
        long keys, values;
        NativeMethods.he_kv_size(_context, (int)dtype, blocks, blockSize, keyHeads, headSize, &keys, &values).Check();
        int unit = dtype.BlockBytes();
        return new KvLayer(Allocate(dtype, keys / unit), Allocate(dtype, values / unit), blocks, blockSize, keyHeads, headSize);
    }

    /// <inheritdoc />
    public void WriteKv(Tensor k, Tensor v, Tensor slots, KvLayer cache)
    {
        Contract.WriteKv(Device, k, v, slots, cache);
        RequireOwnLayout(cache);
        NativeMethods.he_kv_write(_context, k.Shape[0], F32(k), RowStride(k), F32(v), RowStride(v), I32(slots), (int)cache.Keys.DType, AddressOf(cache.Keys), AddressOf(cache.Values),
            cache.Blocks, cache.BlockSize, cache.KeyHeads, cache.HeadSize).Check();
    }

    /// <inheritdoc />
    public void CopyKvBlocks(KvLayer cache, Tensor sources, Tensor destinations)
    {
        Contract.CopyKvBlocks(Device, cache, sources, destinations);
        RequireOwnLayout(cache);
        NativeMethods.he_kv_copy_blocks(_context, sources.Count, I32(sources), I32(destinations), (int)cache.Keys.DType, AddressOf(cache.Keys), AddressOf(cache.Values),
            cache.Blocks, cache.BlockSize, cache.KeyHeads, cache.HeadSize).Check();
    }

    /// <inheritdoc />
    public void Attention(Tensor q, Tensor k, Tensor v, Tensor offsets, AttentionOptions options, Tensor y, Tensor logSumExp)
    {
        Contract.Attention(Device, q, k, v, offsets, options, y, logSumExp);
        NativeMethods.he_attention(_context, q.Shape[0], offsets.Count - 1, I32(offsets), options.QueryHeads, options.KeyHeads, options.HeadSize, options.Scale,
            Flag(options.Causal), options.Window, options.SoftCap, F32(options.AlibiSlopes), F32(q), RowStride(q), F32(k), RowStride(k), F32(v), RowStride(v),
            F32(y), RowStride(y), F32(logSumExp), RowStride(logSumExp), (int)options.KeyValueType).Check();
    }

    /// <inheritdoc />
    public void AttentionBackward(Tensor q, Tensor k, Tensor v, Tensor y, Tensor logSumExp, Tensor dy, Tensor offsets, AttentionOptions options, Tensor dq, Tensor dk, Tensor dv)
    {
        Contract.AttentionBackward(Device, q, k, v, y, logSumExp, dy, offsets, options, dq, dk, dv);
        NativeMethods.he_attention_backward(_context, q.Shape[0], offsets.Count - 1, I32(offsets), options.QueryHeads, options.KeyHeads, options.HeadSize, options.Scale,
            Flag(options.Causal), options.Window, options.SoftCap, F32(options.AlibiSlopes), F32(q), RowStride(q), F32(k), RowStride(k), F32(v), RowStride(v),
            F32(y), RowStride(y), F32(logSumExp), RowStride(logSumExp), F32(dy), RowStride(dy), F32(dq), RowStride(dq), F32(dk), RowStride(dk), F32(dv), RowStride(dv),
            (int)options.KeyValueType).Check();
    }

    /// <inheritdoc />
    public void PagedAttention(Tensor q, KvLayer cache, Tensor queryOffsets, Tensor contextLengths, Tensor blockTables, AttentionOptions options, Tensor y)
    {
        Contract.PagedAttention(Device, q, cache, queryOffsets, contextLengths, blockTables, options, y);
        RequireOwnLayout(cache);
        NativeMethods.he_paged_attention(_context, q.Shape[0], contextLengths.Count, I32(queryOffsets), I32(contextLengths), I32(blockTables), blockTables.Shape[1],
            RowStride(blockTables), options.QueryHeads, options.KeyHeads, options.HeadSize, options.Scale, Flag(options.Causal), options.Window, options.SoftCap,
            F32(options.AlibiSlopes), F32(q), RowStride(q), (int)cache.Keys.DType, AddressOf(cache.Keys), AddressOf(cache.Values), cache.Blocks, cache.BlockSize, F32(y), RowStride(y)).Check();
    }

    // The layout is the library's own; a cache of another backend would be read beyond its end.
    private void RequireOwnLayout(KvLayer cache)
    {
        DType type = cache.Keys.DType;
        long keys = 0, values = 0;
        if (type is DType.Float32 or DType.BFloat16 or DType.UInt8)
        {
            NativeMethods.he_kv_size(_context, (int)type, cache.Blocks, cache.BlockSize, cache.KeyHeads, cache.HeadSize, &keys, &values).Check();
            if (cache.Values.DType == type && type.Bytes(cache.Keys.Count) == keys && type.Bytes(cache.Values.Count) == values) { return; }
        }

        throw new ArgumentException($"cache holds {cache.Keys} and {cache.Values}, expected {keys} and {values} bytes of one type as made by CreateKv.", nameof(cache));
    }
}
