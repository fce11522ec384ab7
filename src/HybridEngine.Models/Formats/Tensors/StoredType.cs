using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>An element type as a file stores it, known by size even when the engine cannot compute with it.</summary>
/// <param name="Name">The format's name for it: <c>F32</c>, <c>Q4_K</c>.</param>
/// <param name="BlockLength">Values in the smallest unit.</param>
/// <param name="BlockBytes">Bytes of the smallest unit.</param>
/// <param name="DType">The engine's type, or null when it has none (such tensors can be listed, not read).</param>
public sealed record StoredType(string Name, int BlockLength, int BlockBytes, DType? DType = null)
{
    /// <summary>IEEE binary32.</summary>
    public static StoredType F32 { get; } = new("F32", 1, 4, Core.DType.Float32);

    /// <summary>IEEE binary16.</summary>
    public static StoredType F16 { get; } = new("F16", 1, 2, Core.DType.Float16);

    /// <summary>Upper half of a binary32.</summary>
    public static StoredType BF16 { get; } = new("BF16", 1, 2, Core.DType.BFloat16);

    /// <summary>IEEE binary64.</summary>
    public static StoredType F64 { get; } = new("F64", 1, 8, Core.DType.Float64);

    /// <summary>Signed 64-bit integers.</summary>
    public static StoredType I64 { get; } = new("I64", 1, 8, Core.DType.Int64);

    /// <summary>Signed 32-bit integers.</summary>
    public static StoredType I32 { get; } = new("I32", 1, 4, Core.DType.Int32);

    /// <summary>Bytes.</summary>
    public static StoredType U8 { get; } = new("U8", 1, 1, Core.DType.UInt8);

    /// <summary>32 int8 and a scale.</summary>
    public static StoredType Q8_0 { get; } = new("Q8_0", 32, 34, Core.DType.Q8_0);

    /// <summary>32 four-bit values and a scale.</summary>
    public static StoredType Q4_0 { get; } = new("Q4_0", 32, 18, Core.DType.Q4_0);

    /// <summary>32 four-bit values, a scale and a minimum.</summary>
    public static StoredType Q4_1 { get; } = new("Q4_1", 32, 20, Core.DType.Q4_1);

    private static readonly Dictionary<string, StoredType> _safetensors = new[]
    {
        F64, F32, F16, BF16, I64, I32, U8,
        new("I16", 1, 2), new("I8", 1, 1), new("BOOL", 1, 1), new("U16", 1, 2), new("U32", 1, 4), new("U64", 1, 8),
        new("F8_E5M2", 1, 1), new("F8_E4M3", 1, 1), new("F8_E8M0", 1, 1), new("C64", 1, 8),
        // Types smaller than a byte: the unit is the fewest values that fill whole bytes.
        new("F4", 2, 1), new("F6_E2M3", 4, 3), new("F6_E3M2", 4, 3),
    }.ToDictionary(t => t.Name);

    // ggml_type numbers with block length and bytes; types that were removed from ggml are absent.
    private static readonly Dictionary<uint, StoredType> _ggml = new()
    {
        [0] = F32, [1] = F16, [2] = Q4_0, [3] = Q4_1, [6] = new("Q5_0", 32, 22), [7] = new("Q5_1", 32, 24), [8] = Q8_0, [9] = new("Q8_1", 32, 36),
        [10] = new("Q2_K", 256, 84), [11] = new("Q3_K", 256, 110), [12] = new("Q4_K", 256, 144), [13] = new("Q5_K", 256, 176), [14] = new("Q6_K", 256, 210), [15] = new("Q8_K", 256, 292),
        [16] = new("IQ2_XXS", 256, 66), [17] = new("IQ2_XS", 256, 74), [18] = new("IQ3_XXS", 256, 98), [19] = new("IQ1_S", 256, 50), [20] = new("IQ4_NL", 32, 18),
        [21] = new("IQ3_S", 256, 110), [22] = new("IQ2_S", 256, 82), [23] = new("IQ4_XS", 256, 136), [24] = new("I8", 1, 1), [25] = new("I16", 1, 2), [26] = I32, [27] = I64, [28] = F64,
        [29] = new("IQ1_M", 256, 56), [30] = BF16, [34] = new("TQ1_0", 256, 54), [35] = new("TQ2_0", 256, 66), [39] = new("MXFP4", 32, 17),
    };

    /// <summary>True when the values can be read as float32.</summary>
    public bool IsReadable => DType is not null;

    /// <summary>The type with this name in a safetensors header, or null.</summary>
    public static StoredType? FromSafetensors(string name) => _safetensors.GetValueOrDefault(name);

    /// <summary>The type with this ggml number, or null.</summary>
    public static StoredType? FromGgml(uint number) => _ggml.GetValueOrDefault(number);

    /// <summary>The ggml number of a type that GGUF files can hold.</summary>
    public static uint GgmlNumber(StoredType type) => _ggml.First(p => p.Value == type).Key;

    /// <summary>The stored form of an engine type.</summary>
    public static StoredType Of(DType dtype) => dtype switch
    {
        Core.DType.Float32 => F32,
        Core.DType.Float16 => F16,
        Core.DType.BFloat16 => BF16,
        Core.DType.Float64 => F64,
        Core.DType.Int32 => I32,
        Core.DType.Int64 => I64,
        Core.DType.UInt8 => U8,
        Core.DType.Q8_0 => Q8_0,
        Core.DType.Q4_0 => Q4_0,
        Core.DType.Q4_1 => Q4_1,
        _ => throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "unknown element type"),
    };

    /// <summary>Bytes of <paramref name="count"/> values, or null when they do not fill whole blocks or the size overflows.</summary>
    public long? Bytes(long count)
    {
        if (count < 0 || count % BlockLength != 0) { return null; }
        long blocks = count / BlockLength;
        return blocks > long.MaxValue / BlockBytes ? null : blocks * BlockBytes;
    }
}
