using HybridEngine.Core;

namespace HybridEngine.Cuda;

// Choice of experts, grouping, combination and load. Products by group: CudaKernels.GroupedLinear.cs.
public sealed unsafe partial class CudaKernels
{
    private const int TokensOfBlock = 4;

    private static readonly Kernel _routeExperts = Routing("route_experts_f32", 128), _routeExpertsBackward = Routing("route_experts_backward_f32", 128), _expertProbabilities = Routing("expert_probabilities_f32", 128),
        _expertLoadBackward = Routing("expert_load_backward_f32", 128), _groupChoices = Routing("group_choices", 256), _combineChoices = Routing("combine_choices_f32", 128),
        _combineChoicesBackward = Routing("combine_choices_backward_f32", 128), _expertLoad = Routing("expert_load", 32);

    /// <inheritdoc />
    public void RouteExperts(Tensor logits, bool normalize, Tensor experts, Tensor weights)
    {
        Contract.RouteExperts(Device, logits, experts, weights);
        _device.Launch(_routeExperts, TokenGrid(logits), Route(logits, experts, normalize) with { Weights = At(weights), WeightsStride = RowStride(weights) });
    }

    /// <inheritdoc />
    public void RouteExpertsBackward(Tensor logits, bool normalize, Tensor experts, Tensor weights, Tensor dWeights, Tensor dLogits)
    {
        Contract.RouteExpertsBackward(Device, logits, experts, weights, dWeights, dLogits);
        _device.Launch(_routeExpertsBackward, TokenGrid(logits), Route(logits, experts, normalize) with
        {
            DWeights = At(dWeights), DWeightsStride = RowStride(dWeights), DLogits = At(dLogits), DLogitsStride = RowStride(dLogits),
        });
    }

    /// <inheritdoc />
    public void GroupChoices(Tensor experts, Tensor rowOffsets, Tensor tokens, Tensor slots)
    {
        Contract.GroupChoices(Device, experts, rowOffsets, tokens, slots);
        const int SharedBytes = 2 * 8 * sizeof(int);
        _device.Launch(_groupChoices, new Grid(rowOffsets.Shape[0] - 1), new GroupArguments
        {
            Chosen = At(experts), RowOffsets = At(rowOffsets), Tokens = At(tokens), Slots = At(slots), Choices = Int(experts.Count), Experts = Int(rowOffsets.Shape[0] - 1), TopK = Int(experts.Shape[1]),
        }, SharedBytes);
    }

    /// <inheritdoc />
    public void CombineChoices(Tensor grouped, Tensor slots, Tensor weights, Tensor y)
    {
        Contract.CombineChoices(Device, grouped, slots, weights, y);
        _device.Launch(_combineChoices, new Grid(slots.Shape[0]), Combine(grouped, slots, weights) with { Y = At(y), YStride = RowStride(y) });
    }

    /// <inheritdoc />
    public void CombineChoicesBackward(Tensor grouped, Tensor slots, Tensor weights, Tensor dy, Tensor dGrouped, Tensor dWeights)
    {
        Contract.CombineChoicesBackward(Device, grouped, slots, weights, dy, dGrouped, dWeights);
        const int SharedBytes = 128 / 32 * sizeof(float);
        _device.Launch(_combineChoicesBackward, new Grid(slots.Shape[0]), Combine(grouped, slots, weights) with
        {
            Dy = At(dy), DyStride = RowStride(dy), DGrouped = At(dGrouped), DGroupedStride = RowStride(dGrouped), DWeights = At(dWeights), DWeightsStride = RowStride(dWeights),
        }, SharedBytes);
    }

    /// <inheritdoc />
    public void ExpertLoad(Tensor logits, Tensor experts, Tensor counts, Tensor probabilities)
    {
        Contract.ExpertLoad(Device, logits, experts, counts, probabilities);
        Tensor softmax = _scratch.Rent(DType.Float32, logits.Shape[0], logits.Shape[1]);
        _device.Launch(_expertProbabilities, TokenGrid(logits), Route(logits, experts, false) with { Probabilities = At(softmax) });
        _device.Launch(_expertLoad, new Grid(logits.Shape[1]), new LoadArguments
        {
            Probabilities = At(softmax), Chosen = At(experts), Counts = At(counts), Sums = At(probabilities), Tokens = Int(logits.Shape[0]), Experts = Int(logits.Shape[1]), Choices = Int(experts.Count),
        });
        _scratch.Return(softmax);
    }

    /// <inheritdoc />
    public void ExpertLoadBackward(Tensor logits, Tensor dProbabilities, Tensor dLogits)
    {
        Contract.ExpertLoadBackward(Device, logits, dProbabilities, dLogits);
        _device.Launch(_expertLoadBackward, TokenGrid(logits), Route(logits, default, false) with { DProbabilities = At(dProbabilities), DLogits = At(dLogits), DLogitsStride = RowStride(dLogits) });
    }

    private static RouteArguments Route(Tensor logits, Tensor experts, bool normalize) => new()
    {
        Logits = At(logits), LogitsStride = RowStride(logits), Chosen = At(experts), ChosenStride = RowStride(experts), Tokens = Int(logits.Shape[0]), Experts = Int(logits.Shape[1]),
        TopK = experts.IsEmpty ? 0 : Int(experts.Shape[1]), Normalize = Flag(normalize),
    };

    private static CombineArguments Combine(Tensor grouped, Tensor slots, Tensor weights) => new()
    {
        Grouped = At(grouped), GroupedStride = RowStride(grouped), Slots = At(slots), Weights = At(weights), WeightsStride = RowStride(weights), Choices = Int(grouped.Shape[0]), Width = Int(grouped.Shape[1]), TopK = Int(slots.Shape[1]),
    };

    private static Grid TokenGrid(Tensor rows) => new(Grid.Pieces(rows.Shape[0], TokensOfBlock));

    private static Kernel Routing(string name, int threads) => new("expert.routing", name, threads);
}
