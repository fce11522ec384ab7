namespace HybridEngine.Core;

/// <summary>How products with a weight are computed. The weight carries it, so that a model has one answer for every call, whatever the number of rows.</summary>
/// <remarks>Sums over the inner dimension follow docs/numerics.md; their order for each of these is named by <see cref="IKernels.VariantOf"/>.</remarks>
public enum Arithmetic
{
    /// <summary>Values widened exactly, multiplied and added in float32.</summary>
    Float32,

    /// <summary>Both operands rounded to bf16 (nearest, ties to even), products and sums in float32: forward, both gradients, head.</summary>
    BFloat16,

    /// <summary>Block-quantized weights times activations quantized to 8 bits a block of 32 inputs; integer sums within a block. Forward only, lossy.</summary>
    Int8,
}
