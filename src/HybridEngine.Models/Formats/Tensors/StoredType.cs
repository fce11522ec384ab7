using System.Runtime.InteropServices;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>An element type as a file stores it: its name and size, and where the engine has them its values. Block types hold several values in a unit of bytes.</summary>
/// <param name="Name">The format's name for it: <c>F32</c>, <c>Q4_K</c>.</param>
/// <param name="BlockLength">Values in the smallest unit.</param>
/// <param name="BlockBytes">Bytes of the smallest unit.</param>
/// <param name="DType">The engine's type of the same layout, or null: such values are computed with as float32.</param>
public sealed record StoredType(string Name, int BlockLength, int BlockBytes, DType? DType = null)
{
    private delegate void Decoder(ReadOnlySpan<byte> source, Span<float> destination);

    private delegate void Encoder(ReadOnlySpan<float> source, Span<byte> destination);

    private readonly Decoder? _decode;
    private readonly Encoder? _encode;

    private StoredType(string name, int length, int bytes, DType? dtype, Decoder decode, Encoder? encode = null) : this(name, length, bytes, dtype) => (_decode, _encode) = (decode, encode);

    /// <summary>IEEE binary32.</summary>
    public static StoredType F32 { get; } = new("F32", 1, 4, Core.DType.Float32, static (s, d) => s.CopyTo(MemoryMarshal.AsBytes(d)), static (s, d) => MemoryMarshal.AsBytes(s).CopyTo(d));

    /// <summary>IEEE binary16.</summary>
    public static StoredType F16 { get; } = new("F16", 1, 2, Core.DType.Float16,
        static (s, d) => HalfCodec.DecodeFloat16(MemoryMarshal.Cast<byte, ushort>(s), d), static (s, d) => HalfCodec.EncodeFloat16(s, MemoryMarshal.Cast<byte, ushort>(d)));

    /// <summary>Upper half of a binary32.</summary>
    public static StoredType BF16 { get; } = new("BF16", 1, 2, Core.DType.BFloat16,
        static (s, d) => HalfCodec.DecodeBFloat16(MemoryMarshal.Cast<byte, ushort>(s), d), static (s, d) => HalfCodec.EncodeBFloat16(s, MemoryMarshal.Cast<byte, ushort>(d)));

    /// <summary>IEEE binary64.</summary>
    public static StoredType F64 { get; } = new("F64", 1, 8, Core.DType.Float64, static (s, d) => Convert<double>(s, d, static v => (float)v));

    /// <summary>Signed 64-bit integers.</summary>
    public static StoredType I64 { get; } = new("I64", 1, 8, Core.DType.Int64, static (s, d) => Convert<long>(s, d, static v => v));

    /// <summary>Signed 32-bit integers.</summary>
    public static StoredType I32 { get; } = new("I32", 1, 4, Core.DType.Int32, static (s, d) => Convert<int>(s, d, static v => v));

    /// <summary>Bytes.</summary>
    public static StoredType U8 { get; } = new("U8", 1, 1, Core.DType.UInt8, static (s, d) => Convert<byte>(s, d, static v => v));

    /// <summary>32 int8 and a scale.</summary>
    public static StoredType Q8_0 { get; } = new("Q8_0", 32, 34, Core.DType.Q8_0, ClassicBlocks.DecodeQ8_0, ClassicQuantizers.EncodeQ8_0);

    /// <summary>32 four-bit values and a scale.</summary>
    public static StoredType Q4_0 { get; } = new("Q4_0", 32, 18, Core.DType.Q4_0, ClassicBlocks.DecodeQ4_0, ClassicQuantizers.EncodeQ4_0);

    /// <summary>32 four-bit values, a scale and a minimum.</summary>
    public static StoredType Q4_1 { get; } = new("Q4_1", 32, 20, Core.DType.Q4_1, ClassicBlocks.DecodeQ4_1, ClassicQuantizers.EncodeQ4_1);

    /// <summary>32 five-bit values and a scale.</summary>
    public static StoredType Q5_0 { get; } = new("Q5_0", 32, 22, null, ClassicBlocks.DecodeQ5_0, ClassicQuantizers.EncodeQ5_0);

    /// <summary>32 five-bit values, a scale and a minimum.</summary>
    public static StoredType Q5_1 { get; } = new("Q5_1", 32, 24, null, ClassicBlocks.DecodeQ5_1, ClassicQuantizers.EncodeQ5_1);

    /// <summary>256 four-bit values, eight scales and minima.</summary>
    public static StoredType Q4_K { get; } = new("Q4_K", 256, 144, Core.DType.Q4_K, KBlocks.DecodeQ4_K, Q4KQuantizer.Encode);

    /// <summary>256 six-bit values, sixteen scales.</summary>
    public static StoredType Q6_K { get; } = new("Q6_K", 256, 210, Core.DType.Q6_K, KBlocks.DecodeQ6_K, Q6KQuantizer.Encode);

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
        [0] = F32, [1] = F16, [2] = Q4_0, [3] = Q4_1, [6] = Q5_0, [7] = Q5_1, [8] = Q8_0, [9] = new("Q8_1", 32, 36),
        [10] = new("Q2_K", 256, 84, Core.DType.Q2_K, KBlocks.DecodeQ2_K), [11] = new("Q3_K", 256, 110, Core.DType.Q3_K, KBlocks.DecodeQ3_K), [12] = Q4_K, [13] = new("Q5_K", 256, 176, Core.DType.Q5_K, KBlocks.DecodeQ5_K), [14] = Q6_K,
        [15] = new("Q8_K", 256, 292), [16] = new("IQ2_XXS", 256, 66), [17] = new("IQ2_XS", 256, 74), [18] = new("IQ3_XXS", 256, 98), [19] = new("IQ1_S", 256, 50),
        [20] = new("IQ4_NL", 32, 18, null, TableBlocks.DecodeIQ4_NL), [21] = new("IQ3_S", 256, 110), [22] = new("IQ2_S", 256, 82), [23] = new("IQ4_XS", 256, 136, null, TableBlocks.DecodeIQ4_XS),
        [24] = new("I8", 1, 1), [25] = new("I16", 1, 2), [26] = I32, [27] = I64, [28] = F64, [29] = new("IQ1_M", 256, 56), [30] = BF16,
        [34] = new("TQ1_0", 256, 54, null, TernaryBlocks.DecodeTQ1_0), [35] = new("TQ2_0", 256, 66, null, TernaryBlocks.DecodeTQ2_0), [39] = new("MXFP4", 32, 17, null, TableBlocks.DecodeMXFP4),
        [40] = new("NVFP4", 64, 36), [41] = new("Q1_0", 128, 18), [42] = new("Q2_0", 64, 18),
    };

    /// <summary>Names of the types whose values are read as weights, for messages.</summary>
    public static string ReadableNames { get; } = string.Join(", ", _ggml.Values.Where(t => t.HoldsWeights).Select(t => t.Name));

    /// <summary>Names of the types that are written, for messages.</summary>
    public static string WritableNames { get; } = string.Join(", ", _ggml.Values.Where(t => t.IsWritable).Select(t => t.Name));

    /// <summary>Names of the block types that matrices can be quantized to as they are loaded, for messages.</summary>
    public static string QuantizableNames { get; } = string.Join(", ", _ggml.Values.Where(t => t is { IsBlocked: true, IsWritable: true, DType: not null }).Select(t => t.Name.ToLowerInvariant()));

    /// <summary>True when the values can be read as float32.</summary>
    public bool IsReadable => _decode is not null;

    /// <summary>True when the values can be read and are not integers.</summary>
    public bool HoldsWeights => IsReadable && DType is not (Core.DType.Int32 or Core.DType.Int64 or Core.DType.UInt8);

    /// <summary>True when float32 values can be stored as this type.</summary>
    public bool IsWritable => _encode is not null;

    /// <summary>True for types that hold several values in a unit with a common scale.</summary>
    public bool IsBlocked => BlockLength > 1;

    /// <summary>True when matrices of this type stay as they are in memory (<c>--dtype auto</c>, until they are trained); the others are float32 there.</summary>
    public bool StaysCompact => DType is Core.DType.BFloat16 or Core.DType.Float16 || (DType is { } own && own.BlockLength() > 1);

    /// <summary>Bits of the file that a value takes, scales included.</summary>
    public double BitsPerValue => 8.0 * BlockBytes / BlockLength;

    /// <summary>The type with this name in a safetensors header, or null.</summary>
    public static StoredType? FromSafetensors(string name) => _safetensors.GetValueOrDefault(name);

    /// <summary>The type with this ggml number, or null.</summary>
    public static StoredType? FromGgml(uint number) => _ggml.GetValueOrDefault(number);

    /// <summary>The type that safetensors or GGUF calls by this name, or null.</summary>
    public static StoredType? Find(string name) => FromGgmlName(name) ?? FromSafetensors(name);

    /// <summary>The type that GGUF calls by this name (capitals or not), or null.</summary>
    public static StoredType? FromGgmlName(string name) => _ggml.Values.FirstOrDefault(t => t.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

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
        Core.DType.Q2_K or Core.DType.Q3_K or Core.DType.Q4_K or Core.DType.Q5_K or Core.DType.Q6_K => FromGgmlName(dtype.ToString())!,
        _ => throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "unknown element type"),
    };

    /// <summary>Bytes of <paramref name="count"/> values, or null when they do not fill whole blocks or the size overflows.</summary>
    public long? Bytes(long count)
    {
        if (count < 0 || count % BlockLength != 0) { return null; }
        long blocks = count / BlockLength;
        return blocks > long.MaxValue / BlockBytes ? null : blocks * BlockBytes;
    }

    /// <summary>Stored bytes to float32, exactly: the float32 that the format defines (block types: its products and sums, each rounded to float32).</summary>
    /// <param name="source">Whole blocks, little-endian.</param>
    /// <param name="destination">As many values as they hold.</param>
    /// <exception cref="UnsupportedException">The engine cannot read this type.</exception>
    public void Decode(ReadOnlySpan<byte> source, Span<float> destination)
    {
        if (_decode is null) { throw new UnsupportedException("values", $"element type {Name}", ReadableNames); }
        RequireSizes(source.Length, destination.Length);
        _decode(source, destination);
    }

    /// <summary>Float32 values to stored bytes: casts round to nearest even; Q8_0, Q4_0, Q4_1, Q5_0 and Q5_1 as ggml quantizes without an importance matrix; Q4_K and Q6_K with the least squared error found.</summary>
    /// <param name="source">A multiple of the block length, finite for block types.</param>
    /// <param name="destination">Whole blocks, little-endian.</param>
    /// <exception cref="UnsupportedException">The engine cannot write this type.</exception>
    public void Encode(ReadOnlySpan<float> source, Span<byte> destination)
    {
        if (_encode is null) { throw new UnsupportedException("values", $"writing element type {Name}", WritableNames); }
        RequireSizes(destination.Length, source.Length);
        _encode(source, destination);
    }

    private void RequireSizes(int bytes, int values)
    {
        if (bytes != Bytes(values)) { throw new ArgumentException($"{bytes} bytes for {values} values of {Name}", nameof(bytes)); }
    }

    private static void Convert<T>(ReadOnlySpan<byte> source, Span<float> destination, Func<T, float> convert) where T : unmanaged
    {
        ReadOnlySpan<T> values = MemoryMarshal.Cast<byte, T>(source);
        for (int i = 0; i < values.Length; i++) { destination[i] = convert(values[i]); }
    }
}
