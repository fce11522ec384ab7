namespace HybridEngine.Core;

/// <summary>A weight matrix <c>W [outputs, inputs]</c> (<c>y = x W^T</c>) in the layout that a backend's kernels read, forward and backward.</summary>
/// <remarks>
/// Gradients, masters and optimizer moments of a weight use the same layout, so element-wise kernels run over <see cref="Storage"/> and nobody unpacks
/// inside a training step. Padding elements are 0 and stay 0. Made by <see cref="ILinearKernels.CreateWeight"/>.
/// A weight of another type than float32 is compact: the forward reads it in its own width. With <see cref="Arithmetic.Float32"/> it has the bits that the same values in float32 would give, and no backward.
/// A bf16 weight with <see cref="Arithmetic.BFloat16"/> is a compute copy: forward and input gradient read it, <see cref="ILinearKernels.Narrow"/> and <see cref="IOptimizerKernels.AdamW"/> write it from
/// float32 masters. A float32 weight with <see cref="Arithmetic.BFloat16"/> is such a master or a gradient: the layout of any float32 weight, into which weight gradients multiply in bf16.
/// </remarks>
public sealed class WeightMatrix : IDisposable
{
    /// <param name="outputs">Rows of W: the width of y.</param>
    /// <param name="inputs">Columns of W: the width of x.</param>
    /// <param name="storage">Flat tensor in the backend's layout, padding included.</param>
    /// <param name="dtype">What its values are.</param>
    /// <param name="arithmetic">How products with it are computed.</param>
    public WeightMatrix(long outputs, long inputs, Tensor storage, DType dtype = DType.Float32, Arithmetic arithmetic = Arithmetic.Float32) =>
        (Outputs, Inputs, Storage, DType, Arithmetic) = (outputs, inputs, storage, dtype, arithmetic);

    /// <summary>Rows of W: the width of y.</summary>
    public long Outputs { get; }

    /// <summary>Columns of W: the width of x.</summary>
    public long Inputs { get; }

    /// <summary>What the values are: float32, or a narrower type for a compact weight. The type of <see cref="Storage"/> is the backend's affair.</summary>
    public DType DType { get; }

    /// <summary>How products with it are computed.</summary>
    public Arithmetic Arithmetic { get; }

    /// <summary>All elements, flat <c>[length]</c>, in the backend's layout.</summary>
    public Tensor Storage { get; }

    /// <inheritdoc />
    public void Dispose() => Storage.Memory?.Dispose();

    /// <summary><c>W [576, 1536] Float32</c>, or <c>W [576, 1536] Q8_0 x Int8</c> where the arithmetic is not float32.</summary>
    public override string ToString() => $"W [{Outputs}, {Inputs}] {DType}{(Arithmetic == Arithmetic.Float32 ? "" : $" x {Arithmetic}")}";
}
