using HybridEngine.Core;

namespace HybridEngine.Cuda;

public sealed unsafe partial class CudaKernels
{
    /// <inheritdoc />
    public KvLayer CreateKv(int blocks, int blockSize, int keyHeads, int headSize, DType dtype = DType.Float32) => throw Missing(nameof(CreateKv));

    /// <inheritdoc />
    public void WriteKv(Tensor k, Tensor v, Tensor slots, KvLayer cache) => throw Missing(nameof(WriteKv));

    /// <inheritdoc />
    public void CopyKvBlocks(KvLayer cache, Tensor sources, Tensor destinations) => throw Missing(nameof(CopyKvBlocks));

    /// <inheritdoc />
    public void Attention(Tensor q, Tensor k, Tensor v, Tensor offsets, AttentionOptions options, Tensor y, Tensor logSumExp)
    {
        Contract.Attention(Device, q, k, v, offsets, options, y, logSumExp);
        if (!OnTensorCores(options.KeyValueType, options.HeadSize)) { throw Missing(nameof(Attention)); }
        AttendPackedOnTensorCores(q, k, v, offsets, options, y, logSumExp);
    }

    /// <inheritdoc />
    public void AttentionBackward(Tensor q, Tensor k, Tensor v, Tensor y, Tensor logSumExp, Tensor dy, Tensor offsets, AttentionOptions options, Tensor dq, Tensor dk, Tensor dv) =>
        throw Missing(nameof(AttentionBackward));

    /// <inheritdoc />
    public void PagedAttention(Tensor q, KvLayer cache, Tensor queryOffsets, Tensor contextLengths, Tensor blockTables, AttentionOptions options, Tensor y)
    {
        Contract.PagedAttention(Device, q, cache, queryOffsets, contextLengths, blockTables, options, y);
        if (!OnTensorCores(cache.Keys.DType, options.HeadSize)) { throw Missing(nameof(PagedAttention)); }
        AttendPagedOnTensorCores(q, cache, queryOffsets, contextLengths, blockTables, options, y);
    }
}
