namespace HybridEngine.Cuda;

/// <summary>native/cuda/expert/routing.h.</summary>
internal struct RouteArguments
{
    public nint Logits, Chosen, Weights, DWeights, DProbabilities, DLogits, Probabilities;
    public long LogitsStride, ChosenStride, WeightsStride, DWeightsStride, DLogitsStride;
    public int Tokens, Experts, TopK, Normalize;
}

/// <summary>native/cuda/expert/routing.h.</summary>
internal struct GroupArguments
{
    public nint Chosen, RowOffsets, Tokens, Slots;
    public int Choices, Experts, TopK;
}

/// <summary>native/cuda/expert/routing.h.</summary>
internal struct CombineArguments
{
    public nint Grouped, Slots, Weights, Dy, Y, DGrouped, DWeights;
    public long GroupedStride, WeightsStride, DyStride, YStride, DGroupedStride, DWeightsStride;
    public int Choices, Width, TopK;
}

/// <summary>native/cuda/expert/routing.h.</summary>
internal struct LoadArguments
{
    public nint Probabilities, Chosen, Counts, Sums;
    public int Tokens, Experts, Choices;
}

/// <summary>native/cuda/expert/grouped.h.</summary>
internal struct GroupedArguments
{
    public nint RowOffsets, Weights, A, B, Y;
    public long AStride, BStride, WStride, YStride, ScalesAt, MinimaAt;
    public int Blocks, Experts, Rows, Columns, Inner;
}
