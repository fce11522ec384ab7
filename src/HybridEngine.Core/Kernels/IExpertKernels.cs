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

    /// <summary>Groups the choices of <see cref="RouteExperts"/> by expert: grouped rows are in order of expert, then of token, then of rank. All of them: no expert has a capacity.</summary>
    /// <param name="experts">[tokens, topK] int32, contiguous.</param>
    /// <param name="rowOffsets">[experts + 1] int32: grouped rows by expert.</param>
    /// <param name="tokens">[tokens * topK] int32: the token of each grouped row.</param>
    /// <param name="slots">[tokens, topK] int32, contiguous: the grouped row of each choice.</param>
    void GroupChoices(Tensor experts, Tensor rowOffsets, Tensor tokens, Tensor slots);

    /// <summary><c>y[t] = sum over i of weights[t, i] * grouped[slots[t, i]]</c>, i ascending: the experts' results back in the order of tokens.</summary>
    /// <param name="grouped">[tokens * topK, width].</param>
    /// <param name="slots">From <see cref="GroupChoices"/>.</param>
    /// <param name="weights">[tokens, topK].</param>
    /// <param name="y">[tokens, width].</param>
    void CombineChoices(Tensor grouped, Tensor slots, Tensor weights, Tensor y);

    /// <summary>Gradients of <see cref="CombineChoices"/>: <c>dGrouped[slots[t, i]] = weights[t, i] * dy[t]</c>, <c>dWeights[t, i] = grouped[slots[t, i]] . dy[t]</c>, both overwritten.</summary>
    void CombineChoicesBackward(Tensor grouped, Tensor slots, Tensor weights, Tensor dy, Tensor dGrouped, Tensor dWeights);

    /// <summary>What a load-balancing loss is made of, tokens in order: <c>counts[e]</c> += how often expert e was chosen, <c>probabilities[e]</c> += its soft-max probability over all tokens.</summary>
    /// <param name="logits">[tokens, experts].</param>
    /// <param name="experts">[tokens, topK] int32, contiguous.</param>
    /// <param name="counts">[experts] float64.</param>
    /// <param name="probabilities">[experts] float64.</param>
    void ExpertLoad(Tensor logits, Tensor experts, Tensor counts, Tensor probabilities);

    /// <summary>Gradient of <see cref="ExpertLoad"/> by the logits: <c>dLogits[t, e] += p[t, e] * (dProbabilities[e] - sum over j of dProbabilities[j] * p[t, j])</c>.</summary>
    /// <param name="logits">[tokens, experts].</param>
    /// <param name="dProbabilities">[experts].</param>
    /// <param name="dLogits">[tokens, experts], added to.</param>
    void ExpertLoadBackward(Tensor logits, Tensor dProbabilities, Tensor dLogits);

    /// <summary>Rows rowOffsets[e] to rowOffsets[e+1] of x times expert e's weight: <c>y = x W_e^T</c>. rowOffsets [experts + 1] int32.</summary>
    void GroupedLinear(Tensor x, Tensor rowOffsets, IReadOnlyList<WeightMatrix> experts, Tensor y);

    /// <summary><c>dx = dy W_e</c> (overwritten; empty to skip) and <c>dW_e += dy^T x</c> (null to skip), by groups.</summary>
    void GroupedLinearBackward(Tensor x, Tensor dy, Tensor rowOffsets, IReadOnlyList<WeightMatrix> experts, Tensor dx, IReadOnlyList<WeightMatrix>? dExperts);
}
