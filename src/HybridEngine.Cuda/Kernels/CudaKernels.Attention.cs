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
    public void Attention(Tensor q, Tensor k, Tensor v, Tensor offsets, AttentionOptions options, Tensor y, Tensor logSumExp) => throw Missing(nameof(Attention));

    /// <inheritdoc />
    public void AttentionBackward(Tensor q, Tensor k, Tensor v, Tensor y, Tensor logSumExp, Tensor dy, Tensor offsets, AttentionOptions options, Tensor dq, Tensor dk, Tensor dv) =>
        throw Missing(nameof(AttentionBackward));

    /// <inheritdoc />
    public void PagedAttention(Tensor q, KvLayer cache, Tensor queryOffsets, Tensor contextLengths, Tensor blockTables, AttentionOptions options, Tensor y) => throw Missing(nameof(PagedAttention));
}
