using HybridEngine.Core;

namespace HybridEngine.Cuda;

public sealed unsafe partial class CudaKernels
{
    private const int EmbedColumns = 512;

    private static readonly Kernel[] _embed = [.. Formats.Select(f => new Kernel("embedding.embedding", $"embed_{f}", threads: 128))];
    private static readonly Kernel _gatherRows = new("embedding.embedding", "gather_rows_f32", threads: 128), _scatterAddRows = new("embedding.embedding", "scatter_add_rows_f32", threads: 128);

    /// <inheritdoc />
    public void Embed(Tensor ids, WeightMatrix table, Tensor y, float scale = 1, int offset = 0, bool accumulate = false)
    {
        Contract.Embed(Device, ids, table, y);
        EmbedRows(At(ids), table, y, scale, offset, accumulate);
    }

    /// <inheritdoc />
    public void EmbedBackward(Tensor ids, Tensor dy, WeightMatrix dTable, float scale = 1, int offset = 0)
    {
        Contract.EmbedBackward(Device, ids, dy, dTable);
        ScatterRows(dy, ids, Values(dTable), scale, offset);
    }

    /// <inheritdoc />
    public void GatherRows(Tensor x, Tensor rows, Tensor y)
    {
        Contract.GatherRows(Device, x, rows, y);
        _device.Launch(_gatherRows, RowGrid(y), new RowsArguments
        {
            X = At(x), XStride = RowStride(x), Rows = At(rows), Y = At(y), YStride = RowStride(y), Count = Int(rows.Count), Limit = Int(x.Shape[0]), Width = Int(y.Shape[1]), Scale = 1,
        });
    }

    /// <inheritdoc />
    public void ScatterAddRows(Tensor x, Tensor rows, Tensor y)
    {
        Contract.ScatterAddRows(Device, x, rows, y);
        ScatterRows(x, rows, y, 1, 0);
    }

    // Rows of a weight in any format as float32; without ids all of them.
    private void EmbedRows(nint ids, WeightMatrix table, Tensor y, float scale, int offset, bool accumulate) => _device.Launch(_embed[Format(table)], RowGrid(y), new EmbedArguments
    {
        Ids = ids, Table = Parts(table), Y = At(y), YStride = RowStride(y), Vocabulary = Int(table.Outputs), Width = Int(table.Inputs), Offset = offset, Accumulate = Flag(accumulate), Scale = scale,
    });

    private void ScatterRows(Tensor x, Tensor rows, Tensor y, float scale, int offset) => _device.Launch(_scatterAddRows, RowGrid(x), new RowsArguments
    {
        X = At(x), XStride = RowStride(x), Rows = At(rows), Y = At(y), YStride = RowStride(y), Count = Int(rows.Count), Limit = Int(y.Shape[0]), Width = Int(y.Shape[1]), Offset = offset, Scale = scale,
    });

    private static Grid RowGrid(Tensor rows) => new(rows.Shape[0], Grid.Pieces(rows.Shape[1], EmbedColumns));
}
