namespace HybridEngine.Core;

/// <summary>Changes of element type.</summary>
public interface IConversionKernels
{
    /// <summary>Casts between float32, bfloat16 and float16 (round to nearest even), and quantizes to or dequantizes from Q8_0, Q4_0, Q4_1 (ggml's rounding). Contiguous, equal counts.</summary>
    void Convert(Tensor source, Tensor destination);
}
