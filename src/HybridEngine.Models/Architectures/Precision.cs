using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>In which types a decoder keeps its matrices, keys and values, and computes with them. Vectors, activations, sums and gradients are float32 in each.</summary>
public sealed record Precision
{
    /// <summary>Everything in float32.</summary>
    public static Precision Float32 { get; } = new();

    /// <summary>Float32 arithmetic on weights that keep the narrow type of their file: the bits of <see cref="Float32"/> with less traffic.</summary>
    public static Precision Stored { get; } = new() { AsStored = true };

    /// <summary>Bf16 products on bf16 weights, with keys and values in bf16.</summary>
    public static Precision BFloat16 { get; } = new() { Arithmetic = Arithmetic.BFloat16, KeyValueType = DType.BFloat16 };

    /// <summary>Of products with matrices that are not block-quantized: float32 or bf16.</summary>
    public Arithmetic Arithmetic { get; init; }

    /// <summary>Keep matrices in the narrow type of their file where the backend's forward reads it, until they are trained. With bf16 arithmetic: block types alone.</summary>
    public bool AsStored { get; init; }

    /// <summary>Quantize matrices to this block type when they are loaded; null does not.</summary>
    public DType? Quantize { get; init; }

    /// <summary>Multiply block-quantized matrices with activations quantized to 8 bits (<see cref="Core.Arithmetic.Int8"/>): faster, lossy, forward only.</summary>
    public bool Int8Activations { get; init; }

    /// <summary>With bf16 arithmetic: keep float32 masters from the start. For models that will be trained: without it training starts from the values that bf16 kept.</summary>
    public bool Masters { get; init; }

    /// <summary>Of the cache of keys and values: float32, bfloat16, or uint8 for 8 bits with a scale a head. Attention in training rounds keys and values to bf16 where the cache does; 8 bits are for generation alone.</summary>
    public DType KeyValueType { get; init; } = DType.Float32;

    /// <summary>How one matrix is kept.</summary>
    /// <param name="kernels">Where.</param>
    /// <param name="binding">The matrix, or the first of those that make it.</param>
    /// <param name="stored">Its narrow type in the file, or null.</param>
    internal WeightForm FormOf(IKernels kernels, ParameterBinding binding, DType? stored)
    {
        DType? kept = Quantize is { } wanted ? Quantized(binding, wanted) : AsStored ? stored : null;
        if (kept is { } type)
        {
            bool blocks = type.BlockLength() > 1;
            if (blocks && Int8Activations && kernels.CanCreateWeight(type, binding.Columns, Arithmetic.Int8)) { return new WeightForm(type, Arithmetic.Int8); }
            if ((blocks || Arithmetic == Arithmetic.Float32) && kernels.CanCreateWeight(type, binding.Columns)) { return new WeightForm(type); }
        }

        return Arithmetic == Arithmetic.BFloat16 && kernels.CanCreateWeight(DType.BFloat16, binding.Columns, Arithmetic.BFloat16)
            ? new WeightForm(DType.BFloat16, Arithmetic.BFloat16, Masters) : WeightForm.Float32;
    }

    // Below 8 bits the token table and the head stay at 8, as llama.cpp's files have them: they cost the most accuracy and their rows are read once.
    private static DType Quantized(ParameterBinding binding, DType type) =>
        binding.Role is ParameterRole.Embedding or ParameterRole.Head or ParameterRole.PositionEmbedding or ParameterRole.Router ? DType.Q8_0 : type;
}

/// <summary>How one matrix is kept and multiplied (<see cref="WeightMatrix"/>).</summary>
/// <param name="DType">Of its values.</param>
/// <param name="Arithmetic">Of products with it.</param>
/// <param name="HasMaster">A float32 master stands behind a bf16 compute copy.</param>
public readonly record struct WeightForm(DType DType, Arithmetic Arithmetic = Arithmetic.Float32, bool HasMaster = false)
{
    /// <summary>Float32 in float32.</summary>
    public static WeightForm Float32 => new(DType.Float32);
}
