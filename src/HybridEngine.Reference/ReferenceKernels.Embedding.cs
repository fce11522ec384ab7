using HybridEngine.Core;
using static HybridEngine.Reference.Loops;

namespace HybridEngine.Reference;

public sealed partial class ReferenceKernels
{
    /// <inheritdoc />
    public void Embed(Tensor ids, WeightMatrix table, Tensor y, float scale = 1, int offset = 0, bool accumulate = false)
    {
        Contract.Embed(Device, ids, table, y);
        FloatRows rows = new(Matrix(table)), ys = new(y);
        for (int t = 0; t < ids.Count; t++)
        {
            ReadOnlySpan<float> row = rows[Clamp(Ints(ids)[t], offset, table)];
            Span<float> to = ys[t];
            for (int i = 0; i < to.Length; i++)
            {
                float value = scale * row[i];
                to[i] = accumulate ? to[i] + value : value;
            }
        }
    }

    /// <inheritdoc />
    public void EmbedBackward(Tensor ids, Tensor dy, WeightMatrix dTable, float scale = 1, int offset = 0)
    {
        Contract.EmbedBackward(Device, ids, dy, dTable);
        FloatRows rows = new(Matrix(dTable)), dys = new(dy);
        for (int t = 0; t < ids.Count; t++)
        {
            ReadOnlySpan<float> from = dys[t];
            Span<float> row = rows[Clamp(Ints(ids)[t], offset, dTable)];
            for (int i = 0; i < row.Length; i++) { row[i] += scale * from[i]; }
        }
    }

    /// <inheritdoc />
    public void GatherRows(Tensor x, Tensor rows, Tensor y)
    {
        Contract.GatherRows(Device, x, rows, y);
        FloatRows xs = new(x), ys = new(y);
        for (int i = 0; i < rows.Count; i++) { xs[Ints(rows)[i]].CopyTo(ys[i]); }
    }

    /// <inheritdoc />
    public void ScatterAddRows(Tensor x, Tensor rows, Tensor y)
    {
        Contract.ScatterAddRows(Device, x, rows, y);
        FloatRows xs = new(x), ys = new(y);
        for (int i = 0; i < rows.Count; i++)
        {
            ReadOnlySpan<float> from = xs[i];
            Span<float> to = ys[Ints(rows)[i]];
            for (int c = 0; c < to.Length; c++) { to[c] += from[c]; }
        }
    }

    private static long Clamp(int id, int offset, WeightMatrix table) => Math.Clamp((long)id + offset, 0, table.Outputs - 1);
}
