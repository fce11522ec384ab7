namespace HybridEngine.Core;

/// <summary>Constants of one attention layer.</summary>
/// <param name="QueryHeads">Heads of q and y.</param>
/// <param name="KeyHeads">Heads of k and v; divides QueryHeads. Query head h reads key head h / (QueryHeads / KeyHeads).</param>
/// <param name="HeadSize">Elements of a head.</param>
/// <param name="Scale">Multiplies q.k.</param>
/// <param name="Causal">Key j is visible to query i only when j &lt;= i.</param>
/// <param name="Window">When positive, key j is visible only when i - j &lt; Window.</param>
/// <param name="SoftCap">When positive, scores become <c>cap * tanh(score / cap)</c> before the mask.</param>
/// <param name="AlibiSlopes">[QueryHeads] or empty: <c>slope * (j - i)</c> is added to the score.</param>
/// <param name="KeyValueType">With BFloat16 the packed forward and backward round k and v to bf16 as they read them, so that they agree with a cache of that type. The paged form reads what its cache holds.</param>
public readonly record struct AttentionOptions(
    int QueryHeads, int KeyHeads, int HeadSize, float Scale, bool Causal = true, int Window = 0, float SoftCap = 0, Tensor AlibiSlopes = default,
    DType KeyValueType = DType.Float32);

/// <summary>The paged key and value cache of one layer: blocks of <see cref="BlockSize"/> positions, in the backend's own layout.</summary>
/// <param name="Keys">Backend layout; block b is the b-th of <paramref name="Blocks"/> equal parts.</param>
/// <param name="Values">Backend layout; block b is the b-th of <paramref name="Blocks"/> equal parts.</param>
/// <param name="Blocks">Number of blocks.</param>
/// <param name="BlockSize">Positions a block; a multiple of 16.</param>
/// <param name="KeyHeads">Heads.</param>
/// <param name="HeadSize">Elements of a head.</param>
public record KvLayer(Tensor Keys, Tensor Values, int Blocks, int BlockSize, int KeyHeads, int HeadSize) : IDisposable
{
    /// <inheritdoc />
    public void Dispose()
    {
        Keys.Memory?.Dispose();
        Values.Memory?.Dispose();
    }
}

/// <summary>Attention over packed sequences (training) and over the paged cache (generation).</summary>
/// <remarks>
/// Every query row walks its visible keys in fixed tiles by absolute position and combines them in order (docs/numerics.md), so that the packed and the paged
/// forms give the same bits for the same keys, whatever else is in the batch and however a prompt is cut.
/// q, k, v, y and their gradients may have any token stride (heads and their elements are contiguous within a token): they are often column ranges of one fused projection.
/// </remarks>
public interface IAttentionKernels
{
    /// <summary>A cache of <paramref name="blocks"/> blocks for one layer.</summary>
    /// <param name="blocks">Number of blocks.</param>
    /// <param name="blockSize">Positions a block; a multiple of 16.</param>
    /// <param name="keyHeads">Heads.</param>
    /// <param name="headSize">Elements of a head.</param>
    /// <param name="dtype">
    /// How elements are kept. <see cref="DType.Float32"/>; <see cref="DType.BFloat16"/>: rounded to nearest even; <see cref="DType.UInt8"/>: 8-bit integers and for each
    /// position and head a float32 scale, max |x| / 127 (docs/numerics.md). Attention reads these values in float32.
    /// </param>
    KvLayer CreateKv(int blocks, int blockSize, int keyHeads, int headSize, DType dtype = DType.Float32);

    /// <summary>Writes rows of k and v to their slots. k, v [tokens, keyHeads, headSize]; slots [tokens] int32 = block * BlockSize + position in block; negative slots are skipped.</summary>
    void WriteKv(Tensor k, Tensor v, Tensor slots, KvLayer cache);

    /// <summary>Copies whole blocks: <c>destination[i] = source[i]</c>, both [n] int32 block numbers.</summary>
    void CopyKvBlocks(KvLayer cache, Tensor sources, Tensor destinations);

    /// <summary>Attention within packed sequences.</summary>
    /// <param name="q">[tokens, queryHeads, headSize].</param>
    /// <param name="k">[tokens, keyHeads, headSize].</param>
    /// <param name="v">[tokens, keyHeads, headSize].</param>
    /// <param name="offsets">[sequences + 1] int32: sequence s holds tokens offsets[s] to offsets[s+1]; positions count from 0 in each.</param>
    /// <param name="options">Heads, scale, mask.</param>
    /// <param name="y">[tokens, queryHeads, headSize].</param>
    /// <param name="logSumExp">[tokens, queryHeads] natural log of the soft-max's denominator, for the backward; or empty.</param>
    void Attention(Tensor q, Tensor k, Tensor v, Tensor offsets, AttentionOptions options, Tensor y, Tensor logSumExp);

    /// <summary>Gradients of <see cref="Attention"/>; scores are recomputed. dq, dk, dv are overwritten.</summary>
    void AttentionBackward(Tensor q, Tensor k, Tensor v, Tensor y, Tensor logSumExp, Tensor dy, Tensor offsets, AttentionOptions options, Tensor dq, Tensor dk, Tensor dv);

    /// <summary>Attention of new tokens against the cache, which already holds their own keys.</summary>
    /// <param name="q">[tokens, queryHeads, headSize].</param>
    /// <param name="cache">Keys and values.</param>
    /// <param name="queryOffsets">[sequences + 1] int32: rows of q by sequence.</param>
    /// <param name="contextLengths">[sequences] int32: keys of the sequence, new ones included. The last query row of s stands at contextLengths[s] - 1.</param>
    /// <param name="blockTables">[sequences, maxBlocks] int32: block of positions i*BlockSize and on.</param>
    /// <param name="options">Heads, scale, mask.</param>
    /// <param name="y">[tokens, queryHeads, headSize].</param>
    void PagedAttention(Tensor q, KvLayer cache, Tensor queryOffsets, Tensor contextLengths, Tensor blockTables, AttentionOptions options, Tensor y);
}
