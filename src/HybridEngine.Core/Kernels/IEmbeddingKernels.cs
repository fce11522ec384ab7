namespace HybridEngine.Core;

/// <summary>Rows by index.</summary>
public interface IEmbeddingKernels
{
    /// <summary><c>y[t] = scale * table[ids[t] + offset]</c>, or added to y. ids [tokens] int32, table [vocabulary, width], y [tokens, width].</summary>
    /// <remarks>Learned positions are a second call with the positions as ids, their offset, and <paramref name="accumulate"/>. Ids outside the table are the caller's error
    /// (checked where the ids come from); kernels clamp them so that memory stays safe.</remarks>
    void Embed(Tensor ids, WeightMatrix table, Tensor y, float scale = 1, int offset = 0, bool accumulate = false);

    /// <summary><c>dTable[ids[t] + offset] += scale * dy[t]</c>, tokens in order, so deterministic.</summary>
    void EmbedBackward(Tensor ids, Tensor dy, WeightMatrix dTable, float scale = 1, int offset = 0);

    /// <summary><c>y[i] = x[rows[i]]</c>. x [n, width], rows [m] int32, y [m, width].</summary>
    void GatherRows(Tensor x, Tensor rows, Tensor y);

    /// <summary><c>y[rows[i]] += x[i]</c>, in order of i. x [m, width], rows [m] int32, y [n, width].</summary>
    void ScatterAddRows(Tensor x, Tensor rows, Tensor y);
}
