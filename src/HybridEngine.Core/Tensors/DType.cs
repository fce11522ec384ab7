namespace HybridEngine.Core;

/// <summary>Element types. Block types (Q*) store groups of 32 values (K types: of 256), laid out as in GGUF.</summary>
public enum DType
{
    /// <summary>IEEE 754 binary32.</summary>
    Float32,
    /// <summary>The upper half of a binary32.</summary>
    BFloat16,
    /// <summary>IEEE 754 binary16.</summary>
    Float16,
    /// <summary>IEEE 754 binary64; used for sums that come back to the host.</summary>
    Float64,
    /// <summary>32-bit signed integer: ids, positions, offsets, lengths.</summary>
    Int32,
    /// <summary>64-bit signed integer: seeds, request numbers.</summary>
    Int64,
    /// <summary>8-bit unsigned integer.</summary>
    UInt8,
    /// <summary>32 int8 and one float16 scale: 34 bytes for 32 values.</summary>
    Q8_0,
    /// <summary>32 four-bit values around 8 and one float16 scale: 18 bytes for 32 values.</summary>
    Q4_0,
    /// <summary>32 four-bit values, a float16 scale and a float16 minimum: 20 bytes for 32 values.</summary>
    Q4_1,
    /// <summary>256 two-bit values, sixteen scales and minima of four bits, two float16 factors: 84 bytes for 256 values.</summary>
    Q2_K,
    /// <summary>256 three-bit values around 4, sixteen scales of six bits, a float16 factor: 110 bytes for 256 values.</summary>
    Q3_K,
    /// <summary>256 four-bit values, eight scales and minima of six bits, two float16 factors: 144 bytes for 256 values.</summary>
    Q4_K,
    /// <summary>256 five-bit values, eight scales and minima of six bits, two float16 factors: 176 bytes for 256 values.</summary>
    Q5_K,
    /// <summary>256 six-bit values around 32, sixteen int8 scales, a float16 factor: 210 bytes for 256 values.</summary>
    Q6_K,
}

/// <summary>Sizes of <see cref="DType"/>.</summary>
public static class DTypeExtensions
{
    /// <summary>Values in the smallest addressable unit: 32 for block types, 256 for K types, else 1.</summary>
    public static int BlockLength(this DType dtype) => dtype switch
    {
        DType.Q8_0 or DType.Q4_0 or DType.Q4_1 => 32,
        DType.Q2_K or DType.Q3_K or DType.Q4_K or DType.Q5_K or DType.Q6_K => 256,
        _ => 1,
    };

    /// <summary>Bytes of the smallest addressable unit.</summary>
    public static int BlockBytes(this DType dtype) => dtype switch
    {
        DType.Float32 or DType.Int32 => 4,
        DType.BFloat16 or DType.Float16 => 2,
        DType.Float64 or DType.Int64 => 8,
        DType.UInt8 => 1,
        DType.Q8_0 => 34,
        DType.Q4_0 => 18,
        DType.Q4_1 => 20,
        DType.Q2_K => 84,
        DType.Q3_K => 110,
        DType.Q4_K => 144,
        DType.Q5_K => 176,
        DType.Q6_K => 210,
        _ => throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "unknown element type"),
    };

    /// <summary>Bytes of <paramref name="count"/> values, which must fill whole blocks.</summary>
    public static long Bytes(this DType dtype, long count)
    {
        int block = dtype.BlockLength();
        return count % block == 0
            ? checked(count / block * dtype.BlockBytes())
            : throw new ArgumentException($"{count} values do not fill whole blocks of {block} ({dtype}).", nameof(count));
    }
}
