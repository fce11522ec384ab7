using HybridEngine.Core;

namespace HybridEngine.Native;

// Members that have no native kernel yet; this file goes when it is empty.
public sealed unsafe partial class NativeKernels
{
    // ---- Expert ----
    /// <inheritdoc />
    public void RouteExperts(Tensor logits, bool normalize, Tensor experts, Tensor weights) => throw Pending();

    /// <inheritdoc />
    public void RouteExpertsBackward(Tensor logits, bool normalize, Tensor experts, Tensor weights, Tensor dWeights, Tensor dLogits) => throw Pending();

    /// <inheritdoc />
    public void GroupedLinear(Tensor x, Tensor rowOffsets, IReadOnlyList<WeightMatrix> experts, Tensor y) => throw Pending();

    /// <inheritdoc />
    public void GroupedLinearBackward(Tensor x, Tensor dy, Tensor rowOffsets, IReadOnlyList<WeightMatrix> experts, Tensor dx, IReadOnlyList<WeightMatrix>? dExperts) => throw Pending();

    // ---- Conversion ----
    /// <inheritdoc />
    public void Convert(Tensor source, Tensor destination) => throw Pending();

    private static UnsupportedException Pending([System.Runtime.CompilerServices.CallerMemberName] string member = "") => new("native backend", member, "the reference backend");
}
