namespace HybridEngine.Core;

// IAttentionKernels.
public static partial class Contract
{
    /// <summary>Checks <see cref="IAttentionKernels.CreateKv"/>.</summary>
    public static void CreateKv(int blocks, int blockSize, int keyHeads, int headSize, DType dtype = DType.Float32)
    {
        if (dtype is not (DType.Float32 or DType.BFloat16 or DType.UInt8)) { throw Wrong(nameof(dtype), $"{dtype}", "Float32, BFloat16 or UInt8 (8-bit integers with a scale)"); }
        if (blocks < 0) { throw Wrong(nameof(blocks), $"{blocks}", "0 or more"); }
        if (blockSize <= 0 || blockSize % 16 != 0) { throw Wrong(nameof(blockSize), $"{blockSize}", "a positive multiple of 16"); }
        if (keyHeads <= 0) { throw Wrong(nameof(keyHeads), $"{keyHeads}", "1 or more"); }
        if (headSize <= 0) { throw Wrong(nameof(headSize), $"{headSize}", "1 or more"); }
        if ((long)blocks * blockSize > int.MaxValue) { throw Wrong(nameof(blocks), $"{blocks} of {blockSize} positions", "slots that fit int32"); }
    }

    /// <summary>Checks <see cref="IAttentionKernels.WriteKv"/>.</summary>
    public static void WriteKv(DeviceKind device, Tensor k, Tensor v, Tensor slots, KvLayer cache)
    {
        RequireCache(device, cache);
        Require(device, k, nameof(k), DType.Float32, -1, cache.KeyHeads, cache.HeadSize);
        Require(device, v, nameof(v), DType.Float32, k.Shape[0], cache.KeyHeads, cache.HeadSize);
        RequireVector(device, slots, nameof(slots), DType.Int32, k.Shape[0]);
        RequireRange(slots, nameof(slots), int.MinValue, (long)cache.Blocks * cache.BlockSize, "slots of the cache");
    }

    /// <summary>Checks <see cref="IAttentionKernels.CopyKvBlocks"/>.</summary>
    public static void CopyKvBlocks(DeviceKind device, KvLayer cache, Tensor sources, Tensor destinations)
    {
        RequireCache(device, cache);
        RequireVector(device, sources, nameof(sources), DType.Int32, -1);
        RequireVector(device, destinations, nameof(destinations), DType.Int32, sources.Shape[0]);
        RequireRange(sources, nameof(sources), 0, cache.Blocks, "blocks of the cache");
        RequireRange(destinations, nameof(destinations), 0, cache.Blocks, "blocks of the cache");
    }

    /// <summary>Checks <see cref="IAttentionKernels.Attention"/>.</summary>
    public static void Attention(DeviceKind device, Tensor q, Tensor k, Tensor v, Tensor offsets, AttentionOptions options, Tensor y, Tensor logSumExp)
    {
        long tokens = RequirePacked(device, q, k, v, offsets, options);
        Require(device, y, nameof(y), DType.Float32, tokens, options.QueryHeads, options.HeadSize);
        RequireOptional(device, logSumExp, nameof(logSumExp), DType.Float32, tokens, options.QueryHeads);
        RequireDisjoint(y, nameof(y), q, nameof(q));
        RequireDisjoint(y, nameof(y), k, nameof(k));
        RequireDisjoint(y, nameof(y), v, nameof(v));
    }

    /// <summary>Checks <see cref="IAttentionKernels.AttentionBackward"/>.</summary>
    public static void AttentionBackward(DeviceKind device, Tensor q, Tensor k, Tensor v, Tensor y, Tensor logSumExp, Tensor dy, Tensor offsets, AttentionOptions options,
        Tensor dq, Tensor dk, Tensor dv)
    {
        long tokens = RequirePacked(device, q, k, v, offsets, options);
        Require(device, y, nameof(y), DType.Float32, tokens, options.QueryHeads, options.HeadSize);
        Require(device, logSumExp, nameof(logSumExp), DType.Float32, tokens, options.QueryHeads);
        Require(device, dy, nameof(dy), DType.Float32, tokens, options.QueryHeads, options.HeadSize);
        Require(device, dq, nameof(dq), DType.Float32, tokens, options.QueryHeads, options.HeadSize);
        Require(device, dk, nameof(dk), DType.Float32, tokens, options.KeyHeads, options.HeadSize);
        Require(device, dv, nameof(dv), DType.Float32, tokens, options.KeyHeads, options.HeadSize);
        ReadOnlySpan<Tensor> inputs = [q, k, v, y, dy];
        ReadOnlySpan<string> names = [nameof(q), nameof(k), nameof(v), nameof(y), nameof(dy)];
        for (int i = 0; i < inputs.Length; i++)
        {
            RequireDisjoint(dq, nameof(dq), inputs[i], names[i]);
            RequireDisjoint(dk, nameof(dk), inputs[i], names[i]);
            RequireDisjoint(dv, nameof(dv), inputs[i], names[i]);
        }

        RequireDisjoint(dq, nameof(dq), dk, nameof(dk));
        RequireDisjoint(dq, nameof(dq), dv, nameof(dv));
        RequireDisjoint(dk, nameof(dk), dv, nameof(dv));
    }

    /// <summary>Checks <see cref="IAttentionKernels.PagedAttention"/>.</summary>
    public static void PagedAttention(DeviceKind device, Tensor q, KvLayer cache, Tensor queryOffsets, Tensor contextLengths, Tensor blockTables, AttentionOptions options, Tensor y)
    {
        RequireCache(device, cache);
        RequireAttentionOptions(device, options);
        if (cache.KeyHeads != options.KeyHeads || cache.HeadSize != options.HeadSize)
        {
            throw Wrong(nameof(cache), $"[{cache.KeyHeads}, {cache.HeadSize}] a position", $"[{options.KeyHeads}, {options.HeadSize}] of the options");
        }

        Require(device, q, nameof(q), DType.Float32, -1, options.QueryHeads, options.HeadSize);
        Require(device, y, nameof(y), DType.Float32, q.Shape[0], options.QueryHeads, options.HeadSize);
        RequireVector(device, contextLengths, nameof(contextLengths), DType.Int32, -1);
        long sequences = contextLengths.Shape[0];
        RequireVector(device, queryOffsets, nameof(queryOffsets), DType.Int32, sequences + 1);
        Require(device, blockTables, nameof(blockTables), DType.Int32, sequences, -1);
        RequireDisjoint(y, nameof(y), q, nameof(q));
        RequireOffsets(queryOffsets, nameof(queryOffsets), q.Shape[0], exact: false);
        RequireContexts(cache, queryOffsets, contextLengths, blockTables);
    }

    private static void RequireCache(DeviceKind device, KvLayer? cache)
    {
        if (cache is null) { throw new ArgumentException("cache is missing.", nameof(cache)); }
        RequireDevice(device, cache.Keys, nameof(cache));
        RequireDevice(device, cache.Values, nameof(cache));
    }

    private static long RequirePacked(DeviceKind device, Tensor q, Tensor k, Tensor v, Tensor offsets, AttentionOptions options)
    {
        RequireAttentionOptions(device, options);
        Require(device, q, nameof(q), DType.Float32, -1, options.QueryHeads, options.HeadSize);
        long tokens = q.Shape[0];
        Require(device, k, nameof(k), DType.Float32, tokens, options.KeyHeads, options.HeadSize);
        Require(device, v, nameof(v), DType.Float32, tokens, options.KeyHeads, options.HeadSize);
        RequireVector(device, offsets, nameof(offsets), DType.Int32, -1);
        if (offsets.Count == 0) { throw Wrong(nameof(offsets), $"{offsets}", "at least one entry"); }
        RequireOffsets(offsets, nameof(offsets), tokens, exact: true);
        return tokens;
    }

    private static void RequireAttentionOptions(DeviceKind device, AttentionOptions options)
    {
        if (options.HeadSize <= 0) { throw Wrong("options.HeadSize", $"{options.HeadSize}", "1 or more"); }
        if (options.QueryHeads <= 0) { throw Wrong("options.QueryHeads", $"{options.QueryHeads}", "1 or more"); }
        if (options.KeyHeads <= 0 || options.QueryHeads % options.KeyHeads != 0)
        {
            throw Wrong("options.KeyHeads", $"{options.KeyHeads}", $"a divisor of QueryHeads, {options.QueryHeads}");
        }

        if (!float.IsFinite(options.Scale)) { throw Wrong("options.Scale", $"{options.Scale}", "a finite number"); }
        if (options.Window < 0) { throw Wrong("options.Window", $"{options.Window}", "0 (off) or more"); }
        if (!(options.SoftCap >= 0)) { throw Wrong("options.SoftCap", $"{options.SoftCap}", "0 (off) or more"); }
        if (options.KeyValueType is not (DType.Float32 or DType.BFloat16)) { throw Wrong("options.KeyValueType", $"{options.KeyValueType}", "Float32 or BFloat16"); }
        RequireOptionalVector(device, options.AlibiSlopes, "options.AlibiSlopes", DType.Float32, options.QueryHeads);
    }

    // Every position that a query can see must lie in a block of the cache.
    private static void RequireContexts(KvLayer cache, Tensor queryOffsets, Tensor contextLengths, Tensor blockTables)
    {
        if (!Readable(queryOffsets) || contextLengths.Memory!.Device != DeviceKind.Host || blockTables.Memory!.Device != DeviceKind.Host) { return; }
        ReadOnlySpan<int> offsets = queryOffsets.AsSpan<int>(), lengths = contextLengths.AsSpan<int>();
        long capacity = blockTables.Shape[1] * cache.BlockSize;
        for (int s = 0; s < lengths.Length; s++)
        {
            int queries = offsets[s + 1] - offsets[s];
            if (lengths[s] < queries || lengths[s] > capacity)
            {
                throw Wrong($"contextLengths[{s}]", $"{lengths[s]}", $"at least the sequence's {queries} query rows and at most the {capacity} positions of its block table");
            }

            if (queries == 0) { continue; }
            ReadOnlySpan<int> blocks = blockTables.Slice(0, s, 1).Slice(1, 0, (lengths[s] + cache.BlockSize - 1) / cache.BlockSize).AsSpan<int>();
            for (int i = 0; i < blocks.Length; i++)
            {
                if ((uint)blocks[i] >= (uint)cache.Blocks) { throw Wrong($"blockTables[{s}, {i}]", $"{blocks[i]}", $"0 to {cache.Blocks - 1} (blocks of the cache)"); }
            }
        }
    }
}
