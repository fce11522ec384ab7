using HybridEngine.Core;

namespace HybridEngine.Native;

public sealed unsafe partial class NativeKernels
{
    /// <inheritdoc />
    public void RouteExperts(Tensor logits, bool normalize, Tensor experts, Tensor weights)
    {
        Contract.RouteExperts(Device, logits, experts, weights);
        NativeMethods.he_route_experts(_context, logits.Shape[0], logits.Shape[1], experts.Shape[1], Flag(normalize), F32(logits), RowStride(logits),
            I32(experts), RowStride(experts), F32(weights), RowStride(weights)).Check();
    }

    /// <inheritdoc />
    public void RouteExpertsBackward(Tensor logits, bool normalize, Tensor experts, Tensor weights, Tensor dWeights, Tensor dLogits)
    {
        Contract.RouteExpertsBackward(Device, logits, experts, weights, dWeights, dLogits);
        NativeMethods.he_route_experts_backward(_context, logits.Shape[0], logits.Shape[1], experts.Shape[1], Flag(normalize), F32(logits), RowStride(logits),
            I32(experts), RowStride(experts), F32(dWeights), RowStride(dWeights), F32(dLogits), RowStride(dLogits)).Check();
    }

    /// <inheritdoc />
    public void GroupChoices(Tensor experts, Tensor rowOffsets, Tensor tokens, Tensor slots)
    {
        Contract.GroupChoices(Device, experts, rowOffsets, tokens, slots);
        NativeMethods.he_group_choices(_context, experts.Shape[0], rowOffsets.Shape[0] - 1, experts.Shape[1], I32(experts), I32(rowOffsets), I32(tokens), I32(slots)).Check();
    }

    /// <inheritdoc />
    public void CombineChoices(Tensor grouped, Tensor slots, Tensor weights, Tensor y)
    {
        Contract.CombineChoices(Device, grouped, slots, weights, y);
        NativeMethods.he_combine_choices(_context, slots.Shape[0], slots.Shape[1], grouped.Shape[1], F32(grouped), RowStride(grouped), I32(slots),
            F32(weights), RowStride(weights), F32(y), RowStride(y)).Check();
    }

    /// <inheritdoc />
    public void CombineChoicesBackward(Tensor grouped, Tensor slots, Tensor weights, Tensor dy, Tensor dGrouped, Tensor dWeights)
    {
        Contract.CombineChoicesBackward(Device, grouped, slots, weights, dy, dGrouped, dWeights);
        NativeMethods.he_combine_choices_backward(_context, slots.Shape[0], slots.Shape[1], grouped.Shape[1], F32(grouped), RowStride(grouped), I32(slots),
            F32(weights), RowStride(weights), F32(dy), RowStride(dy), F32(dGrouped), RowStride(dGrouped), F32(dWeights), RowStride(dWeights)).Check();
    }

    /// <inheritdoc />
    public void ExpertLoad(Tensor logits, Tensor experts, Tensor counts, Tensor probabilities)
    {
        Contract.ExpertLoad(Device, logits, experts, counts, probabilities);
        NativeMethods.he_expert_load(_context, logits.Shape[0], logits.Shape[1], experts.Shape[1], F32(logits), RowStride(logits), I32(experts),
            F64(counts), F64(probabilities)).Check();
    }

    /// <inheritdoc />
    public void ExpertLoadBackward(Tensor logits, Tensor dProbabilities, Tensor dLogits)
    {
        Contract.ExpertLoadBackward(Device, logits, dProbabilities, dLogits);
        NativeMethods.he_expert_load_backward(_context, logits.Shape[0], logits.Shape[1], F32(logits), RowStride(logits), F32(dProbabilities),
            F32(dLogits), RowStride(dLogits)).Check();
    }

    /// <inheritdoc />
    public void GroupedLinear(Tensor x, Tensor rowOffsets, IReadOnlyList<WeightMatrix> experts, Tensor y)
    {
        Contract.GroupedLinear(Device, x, rowOffsets, experts, y);
        // A token goes through a few of many experts: most groups of a small batch are empty.
        for (int e = 0; e < experts.Count; e++)
        {
            if (Group(x, rowOffsets, e) is { Count: > 0 } rows) { Linear(rows, experts[e], default, Group(y, rowOffsets, e)); }
        }
    }

    /// <inheritdoc />
    public void GroupedLinearBackward(Tensor x, Tensor dy, Tensor rowOffsets, IReadOnlyList<WeightMatrix> experts, Tensor dx, IReadOnlyList<WeightMatrix>? dExperts)
    {
        Contract.GroupedLinearBackward(Device, x, dy, rowOffsets, experts, dx, dExperts);
        for (int e = 0; e < experts.Count; e++)
        {
            Tensor rows = Group(dy, rowOffsets, e);
            if (rows.Count == 0) { continue; }
            if (!dx.IsEmpty) { LinearBackwardInput(rows, experts[e], Group(dx, rowOffsets, e)); }
            if (dExperts is not null) { LinearBackwardWeight(Group(x, rowOffsets, e), rows, dExperts[e], default); }
        }
    }

    // The rows of one expert. The offsets are read here: calls of this backend run at once, so they are final.
    private Tensor Group(Tensor rows, Tensor offsets, int expert) => rows.Rows(I32(offsets)[expert], I32(offsets)[expert + 1] - I32(offsets)[expert]);
}
