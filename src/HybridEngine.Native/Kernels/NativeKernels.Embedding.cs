using HybridEngine.Core;

namespace HybridEngine.Native;

public sealed unsafe partial class NativeKernels
{
    /// <inheritdoc />
    public void Embed(Tensor ids, WeightMatrix table, Tensor y, float scale = 1, int offset = 0, bool accumulate = false)
    {
        Contract.Embed(Device, ids, table, y);
        if (table.DType != DType.Float32)
        {
            if (table.Arithmetic == Arithmetic.BFloat16) { EmbedBf16(ids, table, y, scale, offset, accumulate); }
            else { EmbedCompact(ids, table, y, scale, offset, accumulate); }
            return;
        }

        NativeMethods.he_embed(
            _context, I32(ids), ids.Count, Packed(table, nameof(table)), table.Outputs, table.Inputs, scale, offset, F32(y), RowStride(y), Flag(accumulate)).Check();
    }

    /// <inheritdoc />
    public void EmbedBackward(Tensor ids, Tensor dy, WeightMatrix dTable, float scale = 1, int offset = 0)
    {
        Contract.EmbedBackward(Device, ids, dy, dTable);
        NativeMethods.he_embed_backward(
            _context, I32(ids), ids.Count, F32(dy), RowStride(dy), Packed(dTable, nameof(dTable)), dTable.Outputs, dTable.Inputs, scale, offset).Check();
    }

    /// <inheritdoc />
    public void GatherRows(Tensor x, Tensor rows, Tensor y)
    {
        Contract.GatherRows(Device, x, rows, y);
        NativeMethods.he_gather_rows(_context, F32(x), RowStride(x), x.Shape[0], I32(rows), rows.Count, x.Shape[1], F32(y), RowStride(y)).Check();
    }

    /// <inheritdoc />
    public void ScatterAddRows(Tensor x, Tensor rows, Tensor y)
    {
        Contract.ScatterAddRows(Device, x, rows, y);
        NativeMethods.he_scatter_add_rows(_context, F32(x), RowStride(x), I32(rows), rows.Count, x.Shape[1], F32(y), RowStride(y), y.Shape[0]).Check();
    }
}
