using HybridEngine.Core;

namespace HybridEngine.Cuda;

public sealed unsafe partial class CudaKernels
{
    /// <inheritdoc />
    public void Embed(Tensor ids, WeightMatrix table, Tensor y, float scale = 1, int offset = 0, bool accumulate = false) => throw Missing(nameof(Embed));

    /// <inheritdoc />
    public void EmbedBackward(Tensor ids, Tensor dy, WeightMatrix dTable, float scale = 1, int offset = 0) => throw Missing(nameof(EmbedBackward));

    /// <inheritdoc />
    public void GatherRows(Tensor x, Tensor rows, Tensor y) => throw Missing(nameof(GatherRows));

    /// <inheritdoc />
    public void ScatterAddRows(Tensor x, Tensor rows, Tensor y) => throw Missing(nameof(ScatterAddRows));
}
