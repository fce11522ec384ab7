namespace HybridEngine.Core;

// IEmbeddingKernels.
public static partial class Contract
{
    /// <summary>Checks <see cref="IEmbeddingKernels.Embed"/>.</summary>
    public static void Embed(DeviceKind device, Tensor ids, WeightMatrix table, Tensor y)
    {
        RequireWeight(device, table, nameof(table), -1, -1);
        RequireVector(device, ids, nameof(ids), DType.Int32, -1);
        Require(device, y, nameof(y), DType.Float32, ids.Shape[0], table.Inputs);
        RequireTableRows(table, nameof(table), ids.Count);
    }

    /// <summary>Checks <see cref="IEmbeddingKernels.EmbedBackward"/>.</summary>
    public static void EmbedBackward(DeviceKind device, Tensor ids, Tensor dy, WeightMatrix dTable)
    {
        RequireFloat32(device, dTable, nameof(dTable));
        RequireVector(device, ids, nameof(ids), DType.Int32, -1);
        Require(device, dy, nameof(dy), DType.Float32, ids.Shape[0], dTable.Inputs);
        RequireTableRows(dTable, nameof(dTable), ids.Count);
    }

    /// <summary>Checks <see cref="IEmbeddingKernels.GatherRows"/>.</summary>
    public static void GatherRows(DeviceKind device, Tensor x, Tensor rows, Tensor y)
    {
        Require(device, x, nameof(x), DType.Float32, -1, -1);
        RequireVector(device, rows, nameof(rows), DType.Int32, -1);
        Require(device, y, nameof(y), DType.Float32, rows.Shape[0], x.Shape[1]);
        RequireRange(rows, nameof(rows), 0, x.Shape[0], "rows of x");
        RequireDisjoint(y, nameof(y), x, nameof(x));
    }

    /// <summary>Checks <see cref="IEmbeddingKernels.ScatterAddRows"/>.</summary>
    public static void ScatterAddRows(DeviceKind device, Tensor x, Tensor rows, Tensor y)
    {
        RequireVector(device, rows, nameof(rows), DType.Int32, -1);
        Require(device, x, nameof(x), DType.Float32, rows.Shape[0], -1);
        Require(device, y, nameof(y), DType.Float32, -1, x.Shape[1]);
        RequireRange(rows, nameof(rows), 0, y.Shape[0], "rows of y");
        RequireDisjoint(y, nameof(y), x, nameof(x));
    }

    // Ids are clamped into the table, so there must be something to clamp to.
    private static void RequireTableRows(WeightMatrix table, string name, long tokens)
    {
        if (tokens > 0 && table.Outputs == 0) { throw Wrong(name, $"{table}", "at least one row"); }
    }
}
