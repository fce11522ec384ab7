using HybridEngine.Core;

namespace HybridEngine.Cuda;

public sealed unsafe partial class CudaKernels
{
    /// <inheritdoc />
    public void RouteExperts(Tensor logits, bool normalize, Tensor experts, Tensor weights) => throw Missing(nameof(RouteExperts));

    /// <inheritdoc />
    public void RouteExpertsBackward(Tensor logits, bool normalize, Tensor experts, Tensor weights, Tensor dWeights, Tensor dLogits) => throw Missing(nameof(RouteExpertsBackward));

    /// <inheritdoc />
    public void GroupChoices(Tensor experts, Tensor rowOffsets, Tensor tokens, Tensor slots) => throw Missing(nameof(GroupChoices));

    /// <inheritdoc />
    public void CombineChoices(Tensor grouped, Tensor slots, Tensor weights, Tensor y) => throw Missing(nameof(CombineChoices));

    /// <inheritdoc />
    public void CombineChoicesBackward(Tensor grouped, Tensor slots, Tensor weights, Tensor dy, Tensor dGrouped, Tensor dWeights) => throw Missing(nameof(CombineChoicesBackward));

    /// <inheritdoc />
    public void ExpertLoad(Tensor logits, Tensor experts, Tensor counts, Tensor probabilities) => throw Missing(nameof(ExpertLoad));

    /// <inheritdoc />
    public void ExpertLoadBackward(Tensor logits, Tensor dProbabilities, Tensor dLogits) => throw Missing(nameof(ExpertLoadBackward));

    /// <inheritdoc />
    public void GroupedLinear(Tensor x, Tensor rowOffsets, IReadOnlyList<WeightMatrix> experts, Tensor y) => throw Missing(nameof(GroupedLinear));

    /// <inheritdoc />
    public void GroupedLinearBackward(Tensor x, Tensor dy, Tensor rowOffsets, IReadOnlyList<WeightMatrix> experts, Tensor dx, IReadOnlyList<WeightMatrix>? dExperts) =>
        throw Missing(nameof(GroupedLinearBackward));
}
