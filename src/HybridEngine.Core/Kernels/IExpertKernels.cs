namespace HybridEngine.Core;

/// <summary>Mixture of experts: choice of experts and products grouped by expert.</summary>
public interface IExpertKernels
{
    /// <summary>Soft-max over the experts, the <c>topK</c> greatest (ties: lower index first), their weights, renormalised to sum 1 when asked.</summary>
    /// <param name="logits">[tokens, experts].</param>
    /// <param name="normalize">Divide the chosen weights by their sum.</param>
    /// <param name="experts">[tokens, topK] int32, best first.</param>
    /// <param name="weights">[tokens, topK].</param>
    void RouteExperts(Tensor logits, bool normalize, Tensor experts, Tensor weights);

    /// <summary>Gradient of <see cref="RouteExperts"/>: dWeights [tokens, topK] to dLogits [tokens, experts] (overwritten).</summary>
    void RouteExpertsBackward(Tensor logits, bool normalize, Tensor experts, Tensor weights, Tensor dWeights, Tensor dLogits);

    /// <summary>Rows rowOffsets[e] to rowOffsets[e+1] of x times expert e's weight: <c>y = x W_e^T</c>. rowOffsets [experts + 1] int32.</summary>
    void GroupedLinear(Tensor x, Tensor rowOffsets, IReadOnlyList<WeightMatrix> experts, Tensor y);

    /// <summary><c>dx = dy W_e</c> (overwritten; empty to skip) and <c>dW_e += dy^T x</c> (null to skip), by groups.</summary>
    void GroupedLinearBackward(Tensor x, Tensor dy, Tensor rowOffsets, IReadOnlyList<WeightMatrix> experts, Tensor dx, IReadOnlyList<WeightMatrix>? dExperts);
}
