namespace HybridEngine.Core;

/// <summary>A weight matrix <c>W [outputs, inputs]</c> (<c>y = x W^T</c>) in the layout that a backend's kernels read, forward and backward.</summary>
/// <remarks>
/// Gradients, masters and optimizer moments of a weight use the same layout, so element-wise kernels run over <see cref="Storage"/> and nobody unpacks
/// inside a training step. Padding elements are 0 and stay 0. Made by <see cref="ILinearKernels.CreateWeight"/>.
/// </remarks>
public sealed class WeightMatrix : IDisposable
{
    /// <param name="outputs">Rows of W: the width of y.</param>
    /// <param name="inputs">Columns of W: the width of x.</param>
    /// <param name="storage">Flat tensor in the backend's layout, padding included.</param>
    public WeightMatrix(long outputs, long inputs, Tensor storage) => (Outputs, Inputs, Storage) = (outputs, inputs, storage);

    /// <summary>Rows of W: the width of y.</summary>
    public long Outputs { get; }

    /// <summary>Columns of W: the width of x.</summary>
    public long Inputs { get; }

    /// <summary>All elements, flat <c>[length]</c>, in the backend's layout.</summary>
    public Tensor Storage { get; }

    /// <inheritdoc />
    public void Dispose() => Storage.Memory?.Dispose();

    /// <summary><c>W [576, 1536] Float32</c></summary>
    public override string ToString() => $"W [{Outputs}, {Inputs}] {Storage.DType}";
}
