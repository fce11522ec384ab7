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

    /// <summary>Checks <see cref="IExpertKernels.GroupChoices"/>.</summary>
    public static void GroupChoices(DeviceKind device, Tensor experts, Tensor rowOffsets, Tensor tokens, Tensor slots)
    {
        RequireIndices(device, experts, nameof(experts), -1, -1);
        RequireVector(device, rowOffsets, nameof(rowOffsets), DType.Int32, -1);
        if (rowOffsets.Shape[0] < 2) { throw Wrong(nameof(rowOffsets), $"{rowOffsets}", "at least 2 elements, one more than experts"); }
        RequireVector(device, tokens, nameof(tokens), DType.Int32, experts.Count);
        RequireIndices(device, slots, nameof(slots), experts.Shape[0], experts.Shape[1]);
        RequireRange(experts, nameof(experts), 0, rowOffsets.Shape[0] - 1, "experts");
    }

    /// <summary>Checks <see cref="IExpertKernels.CombineChoices"/>.</summary>
    public static void CombineChoices(DeviceKind device, Tensor grouped, Tensor slots, Tensor weights, Tensor y)
    {
        RequireIndices(device, slots, nameof(slots), -1, -1);
        Require(device, weights, nameof(weights), DType.Float32, slots.Shape[0], slots.Shape[1]);
        Require(device, grouped, nameof(grouped), DType.Float32, slots.Count, -1);
        Require(device, y, nameof(y), DType.Float32, slots.Shape[0], grouped.Shape[1]);
        RequireRange(slots, nameof(slots), 0, grouped.Shape[0], "rows of grouped");
        RequireDisjoint(y, nameof(y), grouped, nameof(grouped));
    }

    /// <summary>Checks <see cref="IExpertKernels.CombineChoicesBackward"/>.</summary>
    public static void CombineChoicesBackward(DeviceKind device, Tensor grouped, Tensor slots, Tensor weights, Tensor dy, Tensor dGrouped, Tensor dWeights)
    {
        CombineChoices(device, grouped, slots, weights, dy);
        Require(device, dGrouped, nameof(dGrouped), DType.Float32, grouped.Shape[0], grouped.Shape[1]);
        Require(device, dWeights, nameof(dWeights), DType.Float32, weights.Shape[0], weights.Shape[1]);
        RequireDisjoint(dGrouped, nameof(dGrouped), grouped, nameof(grouped));
        RequireDisjoint(dGrouped, nameof(dGrouped), dy, nameof(dy));
        RequireDisjoint(dWeights, nameof(dWeights), weights, nameof(weights));
    }

    /// <summary>Checks <see cref="IExpertKernels.ExpertLoad"/>.</summary>
    public static void ExpertLoad(DeviceKind device, Tensor logits, Tensor experts, Tensor counts, Tensor probabilities)
    {
        Require(device, logits, nameof(logits), DType.Float32, -1, -1);
        RequireIndices(device, experts, nameof(experts), logits.Shape[0], -1);
        RequireVector(device, counts, nameof(counts), DType.Float64, logits.Shape[1]);
        RequireVector(device, probabilities, nameof(probabilities), DType.Float64, logits.Shape[1]);
        RequireRange(experts, nameof(experts), 0, logits.Shape[1], "experts");
    }

    /// <summary>Checks <see cref="IExpertKernels.ExpertLoadBackward"/>.</summary>
    public static void ExpertLoadBackward(DeviceKind device, Tensor logits, Tensor dProbabilities, Tensor dLogits)
    {
        Require(device, logits, nameof(logits), DType.Float32, -1, -1);
        RequireVector(device, dProbabilities, nameof(dProbabilities), DType.Float32, logits.Shape[1]);
        Require(device, dLogits, nameof(dLogits), DType.Float32, logits.Shape[0], logits.Shape[1]);
        RequireDisjoint(dLogits, nameof(dLogits), logits, nameof(logits));
    }

    /// <summary>Checks <see cref="IExpertKernels.GroupedLinear"/>.</summary>
    public static void GroupedLinear(DeviceKind device, Tensor x, Tensor rowOffsets, IReadOnlyList<WeightMatrix> experts, Tensor y)
    {
        (long outputs, long inputs) = RequireExperts(device, experts, nameof(experts), rowOffsets, RequireForward);
        Require(device, x, nameof(x), DType.Float32, -1, inputs);
        Require(device, y, nameof(y), DType.Float32, x.Shape[0], outputs);
        RequireOffsets(rowOffsets, nameof(rowOffsets), x.Shape[0], exact: true);
        RequireDisjoint(y, nameof(y), x, nameof(x));
    }

    /// <summary>Checks <see cref="IExpertKernels.GroupedLinearBackward"/>.</summary>
    public static void GroupedLinearBackward(DeviceKind device, Tensor x, Tensor dy, Tensor rowOffsets, IReadOnlyList<WeightMatrix> experts, Tensor dx, IReadOnlyList<WeightMatrix>? dExperts)
    {
        (long outputs, long inputs) = RequireExperts(device, experts, nameof(experts), rowOffsets, RequireBackward);
        Require(device, dy, nameof(dy), DType.Float32, -1, outputs);
        RequireOptional(device, dx, nameof(dx), DType.Float32, dy.Shape[0], inputs);
        RequireOffsets(rowOffsets, nameof(rowOffsets), dy.Shape[0], exact: true);
        RequireDisjoint(dx, nameof(dx), dy, nameof(dy));
        if (dExperts is null) { return; }
        Require(device, x, nameof(x), DType.Float32, dy.Shape[0], inputs);
        (long dOutputs, long dInputs) = RequireExperts(device, dExperts, nameof(dExperts), rowOffsets, RequireFloat32);
        if ((dOutputs, dInputs) != (outputs, inputs)) { throw Wrong(nameof(dExperts), $"W [{dOutputs}, {dInputs}]", $"W [{outputs}, {inputs}], as experts"); }
    }

    private static void RequireIndices(DeviceKind device, Tensor indices, string name, long rows, long columns)
    {
        Require(device, indices, name, DType.Int32, rows, columns);
        RequireContiguous(indices, name);
    }

    private static (long Outputs, long Inputs) RequireExperts(DeviceKind device, IReadOnlyList<WeightMatrix> experts, string name, Tensor rowOffsets,
        Action<DeviceKind, WeightMatrix?, string> requireKind)
    {
        if (experts is null || experts.Count == 0) { throw Wrong(name, "an empty list", "at least one expert"); }
        RequireVector(device, rowOffsets, nameof(rowOffsets), DType.Int32, experts.Count + 1);
        (long outputs, long inputs) = (experts[0].Outputs, experts[0].Inputs);
        for (int e = 0; e < experts.Count; e++)
        {
            WeightMatrix expert = experts[e];
            RequireWeight(device, expert, $"{name}[{e}]", outputs, inputs);
            requireKind(device, expert, $"{name}[{e}]");
            if (expert.DType != experts[0].DType || expert.Arithmetic != experts[0].Arithmetic) { throw Wrong($"{name}[{e}]", $"{expert}", $"{experts[0]}, as {name}[0]"); }
        }

        return (outputs, inputs);
    }
}
