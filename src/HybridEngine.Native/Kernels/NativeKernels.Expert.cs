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
    public void GroupedLinear(Tensor x, Tensor rowOffsets, IReadOnlyList<WeightMatrix> experts, Tensor y)
    {
        Contract.GroupedLinear(Device, x, rowOffsets, experts, y);
        for (int e = 0; e < experts.Count; e++) { Linear(Group(x, rowOffsets, e), experts[e], default, Group(y, rowOffsets, e)); }
    }

    /// <inheritdoc />
    public void GroupedLinearBackward(Tensor x, Tensor dy, Tensor rowOffsets, IReadOnlyList<WeightMatrix> experts, Tensor dx, IReadOnlyList<WeightMatrix>? dExperts)
    {
        Contract.GroupedLinearBackward(Device, x, dy, rowOffsets, experts, dx, dExperts);
        for (int e = 0; e < experts.Count; e++)
        {
            if (!dx.IsEmpty) { LinearBackwardInput(Group(dy, rowOffsets, e), experts[e], Group(dx, rowOffsets, e)); }
            if (dExperts is not null) { LinearBackwardWeight(Group(x, rowOffsets, e), Group(dy, rowOffsets, e), dExperts[e], default); }
        }
    }

    // The rows of one expert. The offsets are read here: calls of this backend run at once, so they are final.
    private static Tensor Group(Tensor rows, Tensor offsets, int expert) => rows.Rows(I32(offsets)[expert], I32(offsets)[expert + 1] - I32(offsets)[expert]);
}
