using HybridEngine.Core;
using static HybridEngine.Reference.Loops;

namespace HybridEngine.Reference;

public sealed partial class ReferenceKernels
{
    /// <inheritdoc />
    public KvLayer CreateKv(int blocks, int blockSize, int keyHeads, int headSize, DType dtype = DType.Float32)
    {
        Contract.CreateKv(blocks, blockSize, keyHeads, headSize, dtype);
        long slots = (long)blocks * blockSize;
        // Whatever the type, the values themselves lie in float32: what the type would have kept of them (NarrowCache).
        return new NarrowCache(dtype, Allocate(DType.Float32, slots, keyHeads, headSize), Allocate(DType.Float32, slots, keyHeads, headSize), blocks, blockSize, keyHeads, headSize);
    }

    /// <inheritdoc />
    public void WriteKv(Tensor k, Tensor v, Tensor slots, KvLayer cache)
    {
        Contract.WriteKv(Device, k, v, slots, cache);
        FloatRows keys = new(cache.Keys), values = new(cache.Values), ks = new(k), vs = new(v);
        for (int t = 0; t < slots.Count; t++)
        {
            int slot = Ints(slots)[t];
            if (slot < 0) { continue; }
            ks[t].CopyTo(keys[slot]);
            vs[t].CopyTo(values[slot]);
            if (cache is NarrowCache narrow)
            {
                narrow.Keep(keys[slot]);
                narrow.Keep(values[slot]);
            }
        }
    }

    /// <inheritdoc />
    public void CopyKvBlocks(KvLayer cache, Tensor sources, Tensor destinations)
    {
        Contract.CopyKvBlocks(Device, cache, sources, destinations);
        FloatRows keys = new(cache.Keys), values = new(cache.Values);
        for (int i = 0; i < sources.Count; i++)
        {
            long from = (long)Ints(sources)[i] * cache.BlockSize, to = (long)Ints(destinations)[i] * cache.BlockSize;
            for (int p = 0; p < cache.BlockSize; p++)
            {
                keys[from + p].CopyTo(keys[to + p]);
                values[from + p].CopyTo(values[to + p]);
            }
        }
    }

    /// <inheritdoc />
    public void Attention(Tensor q, Tensor k, Tensor v, Tensor offsets, AttentionOptions options, Tensor y, Tensor logSumExp)
    {
        Contract.Attention(Device, q, k, v, offsets, options, y, logSumExp);
        AttentionRows rows = new(q, Read(k, options), Read(v, options), y, options);
        for (int s = 0; s + 1 < offsets.Count; s++)
        {
            int start = Ints(offsets)[s], length = Ints(offsets)[s + 1] - start;
            int[] keyRows = [.. Enumerable.Range(start, length)];
            ForEach((long)length * options.QueryHeads, (long)length * options.HeadSize, item =>
            {
                int position = (int)(item / options.QueryHeads), head = (int)(item % options.QueryHeads);
                float lse = rows.Forward(start + position, head, position, keyRows);
                if (!logSumExp.IsEmpty) { new FloatRows(logSumExp)[start + position][head] = lse; }
            });
        }
    }

    /// <inheritdoc />
    public void PagedAttention(Tensor q, KvLayer cache, Tensor queryOffsets, Tensor contextLengths, Tensor blockTables, AttentionOptions options, Tensor y)
    {
        Contract.PagedAttention(Device, q, cache, queryOffsets, contextLengths, blockTables, options, y);
        AttentionRows rows = new(q, cache.Keys, cache.Values, y, options);
        for (int s = 0; s < contextLengths.Count; s++)
        {
            int start = Ints(queryOffsets)[s], queries = Ints(queryOffsets)[s + 1] - start, length = Ints(contextLengths)[s];
            if (queries == 0) { continue; }
            ReadOnlySpan<int> blocks = Ints(blockTables.Slice(0, s, 1));
            int[] slots = new int[length];
            for (int p = 0; p < length; p++) { slots[p] = blocks[p / cache.BlockSize] * cache.BlockSize + p % cache.BlockSize; }
            ForEach((long)queries * options.QueryHeads, (long)length * options.HeadSize, item =>
            {
                int row = (int)(item / options.QueryHeads), head = (int)(item % options.QueryHeads);
                rows.Forward(start + row, head, length - queries + row, slots);
            });
        }
    }

    /// <inheritdoc />
    public void AttentionBackward(Tensor q, Tensor k, Tensor v, Tensor y, Tensor logSumExp, Tensor dy, Tensor offsets, AttentionOptions options, Tensor dq, Tensor dk, Tensor dv)
    {
        Contract.AttentionBackward(Device, q, k, v, y, logSumExp, dy, offsets, options, dq, dk, dv);
        AttentionRows rows = new(q, Read(k, options), Read(v, options), y, options);
        AttentionGradients gradients = new(rows, new FloatRows(logSumExp), new FloatRows(dy), new FloatRows(dq), new FloatRows(dk), new FloatRows(dv));
        int sequences = (int)offsets.Count - 1;
        // Keys and values of a sequence gather from its own queries only: one item per sequence and key head.
        ForEach((long)sequences * options.KeyHeads, WorthItForAttention, item =>
        {
            int s = (int)(item / options.KeyHeads), keyHead = (int)(item % options.KeyHeads);
            int start = Ints(offsets)[s], length = Ints(offsets)[s + 1] - start;
            gradients.Backward(start, length, keyHead);
        });
    }

    // k or v as the packed forms read it.
    private static Tensor Read(Tensor keysOrValues, AttentionOptions options) =>
        Operands.Of(keysOrValues, options.KeyValueType == DType.BFloat16 ? Arithmetic.BFloat16 : Arithmetic.Float32);

    private const long WorthItForAttention = 1 << 16;
}
