using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine;

/// <summary>The types that a model computes in, as users name them; <see cref="Resolve"/> makes of them what one model does on one backend.</summary>
public sealed record PrecisionOptions
{
    private const string Auto = "auto";

    /// <summary>Compute type. <c>float32</c>; <c>bfloat16</c>: products in bf16 with sums in float32; <c>auto</c>: the file's own, so bf16 for a bf16 checkpoint where this machine's bf16 instruction pays,
    /// and quantized weights as they are, multiplied in float32.</summary>
    public string DType { get; init; } = Auto;

    /// <summary>Activations that meet block-quantized weights: <c>auto</c> (float32, exact) or <c>int8</c> (8 bits with a scale for each 32 inputs: faster, and not the same bits).</summary>
    public string Activations { get; init; } = Auto;

    /// <summary>Cached keys and values: <c>float32</c>, <c>bfloat16</c>, <c>int8</c> (a scale a head; for generation alone), or <c>auto</c>, the compute type.</summary>
    public string KeyValueType { get; init; } = Auto;

    /// <summary>Block type that matrices are quantized to when they are loaded, such as <c>q8_0</c>; empty for none.</summary>
    public string Quantize { get; init; } = "";

    /// <summary>Whether products in bf16 are faster than in float32 there.</summary>
    public static bool BFloat16Pays(IKernels kernels) => kernels.Pays(Arithmetic.BFloat16);

    /// <summary>Checks every name.</summary>
    /// <exception cref="InvalidInputException">Names the option, what was found and what was expected.</exception>
    public void Validate()
    {
        if (DType == "float16") { throw new UnsupportedException("dtype", "computing in float16", "auto, float32, bfloat16"); }
        Require("dtype", DType, Auto, "float32", "bfloat16");
        Require("activations", Activations, Auto, "int8");
        Require("kv-type", KeyValueType, Auto, "float32", "bfloat16", "int8");
        if (Quantize.Length > 0) { BlockType(); }
    }

    /// <summary>What a model computes in.</summary>
    /// <param name="kernels">The backend.</param>
    /// <param name="files">Where its weights come from; null for random ones.</param>
    /// <param name="training">It will be trained: quantized weights become float32, and bf16 ones keep float32 masters.</param>
    /// <exception cref="HybridEngineException">The names are wrong, or do not go together with these weights.</exception>
    public Precision Resolve(IKernels kernels, ModelFiles? files, bool training = false)
    {
        Validate();
        StoredType stored = files?.WeightType ?? StoredType.F32;
        if (DType == "bfloat16" && !kernels.CanCreateWeight(Core.DType.BFloat16, 64, Arithmetic.BFloat16)) { throw new UnsupportedException("dtype", $"computing in bfloat16 on {kernels.Description}", "auto, float32"); }
        bool bf16 = DType == "bfloat16" || (DType == Auto && Quantize.Length == 0 && stored.DType == Core.DType.BFloat16 && BFloat16Pays(kernels));
        if (training && (Quantize.Length > 0 || Activations == "int8")) { throw new UnsupportedException(Quantize.Length > 0 ? "quantize" : "activations", "training with quantized weights", "generation and scoring"); }
        if (Activations == "int8" && Quantize.Length == 0 && !(DType == Auto && stored.IsBlocked))
        {
            throw new InvalidInputException("activations", $"int8 with weights in {(DType == Auto ? stored.Name : DType)}", "block-quantized weights: a quantized GGUF with dtype auto, or quantize");
        }

        DType kept = KeyValueType switch
        {
            "float32" => Core.DType.Float32,
            "bfloat16" => Core.DType.BFloat16,
            "int8" => training ? throw new UnsupportedException("kv-type", "training with keys and values in int8", "float32, bfloat16") : Core.DType.UInt8,
            _ => bf16 ? Core.DType.BFloat16 : Core.DType.Float32,
        };
        return new Precision
        {
            Arithmetic = bf16 ? Arithmetic.BFloat16 : Arithmetic.Float32,
            AsStored = DType == Auto && !training,
            Quantize = Quantize.Length > 0 ? BlockType() : null,
            Int8Activations = Activations == "int8",
            Masters = training,
            KeyValueType = kept,
        };
    }

    private static void Require(string name, string value, params ReadOnlySpan<string> known)
    {
        if (!known.Contains(value)) { throw new InvalidInputException(name, $"'{value}'", string.Join(", ", known.ToArray())); }
    }

    private DType BlockType() =>
        StoredType.FromGgmlName(Quantize) is { IsBlocked: true, IsWritable: true, DType: { } type } ? type : throw new InvalidInputException("quantize", $"'{Quantize}'", StoredType.QuantizableNames);
}
