namespace HybridEngine.Core;

// IExpertKernels.
public static partial class Contract
{
    /// <summary>Checks <see cref="IExpertKernels.RouteExperts"/>.</summary>
    public static void RouteExperts(DeviceKind device, Tensor logits, Tensor experts, Tensor weights)
    {
        Require(device, logits, nameof(logits), DType.Float32, -1, -1);
        Require(device, experts, nameof(experts), DType.Int32, logits.Shape[0], -1);
        long topK = experts.Shape[1];
        if (topK > logits.Shape[1]) { throw Wrong(nameof(experts), $"{experts}", $"at most {logits.Shape[1]} columns, the experts"); }
        Require(device, weights, nameof(weights), DType.Float32, logits.Shape[0], topK);
    }

    /// <summary>Checks <see cref="IExpertKernels.RouteExpertsBackward"/>.</summary>
    public static void RouteExpertsBackward(DeviceKind device, Tensor logits, Tensor experts, Tensor weights, Tensor dWeights, Tensor dLogits)
    {
        RouteExperts(device, logits, experts, weights);
        Require(device, dWeights, nameof(dWeights), DType.Float32, weights.Shape[0], weights.Shape[1]);
        Require(device, dLogits, nameof(dLogits), DType.Float32, logits.Shape[0], logits.Shape[1]);
        RequireDisjoint(dLogits, nameof(dLogits), logits, nameof(logits));
    }

    /// <summary>Checks <see cref="IExpertKernels.GroupedLinear"/>.</summary>
    public static void GroupedLinear(DeviceKind device, Tensor x, Tensor rowOffsets, IReadOnlyList<WeightMatrix> experts, Tensor y)
    {
        (long outputs, long inputs) = RequireExperts(device, experts, nameof(experts), rowOffsets);
        Require(device, x, nameof(x), DType.Float32, -1, inputs);
        Require(device, y, nameof(y), DType.Float32, x.Shape[0], outputs);
        RequireOffsets(rowOffsets, nameof(rowOffsets), x.Shape[0], exact: true);
        RequireDisjoint(y, nameof(y), x, nameof(x));
    }

    /// <summary>Checks <see cref="IExpertKernels.GroupedLinearBackward"/>.</summary>
    public static void GroupedLinearBackward(DeviceKind device, Tensor x, Tensor dy, Tensor rowOffsets, IReadOnlyList<WeightMatrix> experts, Tensor dx, IReadOnlyList<WeightMatrix>? dExperts)
    {
        (long outputs, long inputs) = RequireExperts(device, experts, nameof(experts), rowOffsets);
        Require(device, dy, nameof(dy), DType.Float32, -1, outputs);
        RequireOptional(device, dx, nameof(dx), DType.Float32, dy.Shape[0], inputs);
        RequireOffsets(rowOffsets, nameof(rowOffsets), dy.Shape[0], exact: true);
        RequireDisjoint(dx, nameof(dx), dy, nameof(dy));
        if (dExperts is null) { return; }
        Require(device, x, nameof(x), DType.Float32, dy.Shape[0], inputs);
        (long dOutputs, long dInputs) = RequireExperts(device, dExperts, nameof(dExperts), rowOffsets);
        if ((dOutputs, dInputs) != (outputs, inputs)) { throw Wrong(nameof(dExperts), $"W [{dOutputs}, {dInputs}]", $"W [{outputs}, {inputs}], as experts"); }
    }

    private static (long Outputs, long Inputs) RequireExperts(DeviceKind device, IReadOnlyList<WeightMatrix> experts, string name, Tensor rowOffsets)
    {
        if (experts is null || experts.Count == 0) { throw Wrong(name, "an empty list", "at least one expert"); }
        RequireVector(device, rowOffsets, nameof(rowOffsets), DType.Int32, experts.Count + 1);
        (long outputs, long inputs) = (experts[0].Outputs, experts[0].Inputs);
        for (int e = 0; e < experts.Count; e++) { RequireWeight(device, experts[e], $"{name}[{e}]", outputs, inputs); }
        return (outputs, inputs);
    }
}
