namespace HybridEngine.Core;

/// <summary>A weight matrix <c>W [outputs, inputs]</c> (<c>y = x W^T</c>) in the layout that a backend's kernels read, forward and backward.</summary>
/// <remarks>
/// Gradients, masters and optimizer moments of a weight use the same layout, so element-wise kernels run over <see cref="Storage"/> and nobody unpacks
/// inside a training step. Padding elements are 0 and stay 0. Made by <see cref="ILinearKernels.CreateWeight"/>.
/// A weight of another type than float32 is compact: the forward reads it in its own width, with the bits that the same values in float32 would give; it has no backward.
/// </remarks>
public sealed class WeightMatrix : IDisposable
{
    /// <param name="outputs">Rows of W: the width of y.</param>
    /// <param name="inputs">Columns of W: the width of x.</param>
    /// <param name="storage">Flat tensor in the backend's layout, padding included.</param>
    /// <param name="dtype">What its values are.</param>
    public WeightMatrix(long outputs, long inputs, Tensor storage, DType dtype = DType.Float32) => (Outputs, Inputs, Storage, DType) = (outputs, inputs, storage, dtype);

    /// <summary>Rows of W: the width of y.</summary>
    public long Outputs { get; }

    /// <summary>Columns of W: the width of x.</summary>
    public long Inputs { get; }

    /// <summary>What the values are: float32, or a narrower type for a compact weight. The type of <see cref="Storage"/> is the backend's affair.</summary>
    public DType DType { get; }

    /// <summary>All elements, flat <c>[length]</c>, in the backend's layout.</summary>
    public Tensor Storage { get; }

    /// <inheritdoc />
    public void Dispose() => Storage.Memory?.Dispose();

    /// <summary><c>W [576, 1536] Float32</c></summary>
    public override string ToString() => $"W [{Outputs}, {Inputs}] {DType}";
}
