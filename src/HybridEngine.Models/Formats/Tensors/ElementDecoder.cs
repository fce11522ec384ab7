using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Stored bytes to float32, exactly: every stored value is the float32 that its format defines (Q types: the products and sums that ggml forms, each rounded to float32).</summary>
public static class ElementDecoder
{
    /// <summary>Decodes <paramref name="destination"/>.Length values.</summary>
    /// <param name="dtype">What the bytes hold.</param>
    /// <param name="source">Whole blocks, little-endian.</param>
    /// <param name="destination">A multiple of the block length.</param>
    public static void Decode(DType dtype, ReadOnlySpan<byte> source, Span<float> destination)
    {
        if (source.Length != dtype.Bytes(destination.Length))
        {
            throw new ArgumentException($"{source.Length} bytes for {destination.Length} values of {dtype}", nameof(source));
        }

        switch (dtype)
        {
            case DType.Float32: source.CopyTo(MemoryMarshal.AsBytes(destination)); break;
            case DType.BFloat16: DecodeBFloat16(MemoryMarshal.Cast<byte, ushort>(source), destination); break;
            case DType.Float16: DecodeHalf(MemoryMarshal.Cast<byte, Half>(source), destination); break;
            case DType.Float64: Convert<double>(source, destination, static v => (float)v); break;
            case DType.Int32: Convert<int>(source, destination, static v => v); break;
            case DType.Int64: Convert<long>(source, destination, static v => v); break;
            case DType.UInt8: Convert<byte>(source, destination, static v => v); break;
            case DType.Q8_0: BlockCodec.DecodeQ8_0(source, destination); break;
            case DType.Q4_0: BlockCodec.DecodeQ4_0(source, destination); break;
            case DType.Q4_1: BlockCodec.DecodeQ4_1(source, destination); break;
            default: throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "unknown element type");
        }
    }

    /// <summary>Encodes float32 values: casts round to nearest even, Q types as ggml quantizes without an importance matrix.</summary>
    /// <param name="dtype">Float32, BFloat16, Float16, Q8_0, Q4_0 or Q4_1.</param>
    /// <param name="source">A multiple of the block length.</param>
    /// <param name="destination">Whole blocks, little-endian.</param>
    public static void Encode(DType dtype, ReadOnlySpan<float> source, Span<byte> destination)
    {
        if (destination.Length != dtype.Bytes(source.Length))
        {
            throw new ArgumentException($"{destination.Length} bytes for {source.Length} values of {dtype}", nameof(destination));
        }

        switch (dtype)
        {
            case DType.Float32: MemoryMarshal.AsBytes(source).CopyTo(destination); break;
            case DType.BFloat16:
                Span<ushort> bits = MemoryMarshal.Cast<byte, ushort>(destination);
                for (int i = 0; i < source.Length; i++) { bits[i] = ToBFloat16(source[i]); }
                break;
            case DType.Float16:
                Span<Half> halves = MemoryMarshal.Cast<byte, Half>(destination);
                for (int i = 0; i < source.Length; i++) { halves[i] = (Half)source[i]; }
                break;
            case DType.Q8_0: BlockCodec.EncodeQ8_0(source, destination); break;
            case DType.Q4_0: BlockCodec.EncodeQ4_0(source, destination); break;
            case DType.Q4_1: BlockCodec.EncodeQ4_1(source, destination); break;
            default: throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "cannot be written");
        }
    }

    private static ushort ToBFloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        // A NaN keeps its sign and upper payload and stays a NaN: rounding could carry it into infinity.
        return float.IsNaN(value) ? (ushort)((bits >> 16) | 0x40) : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    private static void DecodeBFloat16(ReadOnlySpan<ushort> source, Span<float> destination)
    {
        int i = 0;
        Span<uint> bits = MemoryMarshal.Cast<float, uint>(destination);
        for (; i <= source.Length - Vector256<ushort>.Count; i += Vector256<ushort>.Count)
        {
            (Vector256<uint> low, Vector256<uint> high) = Vector256.Widen(Vector256.Create(source.Slice(i, Vector256<ushort>.Count)));
            (low << 16).CopyTo(bits[i..]);
            (high << 16).CopyTo(bits[(i + Vector256<uint>.Count)..]);
        }

        for (; i < source.Length; i++) { bits[i] = (uint)source[i] << 16; }
    }

    private static void DecodeHalf(ReadOnlySpan<Half> source, Span<float> destination)
    {
        for (int i = 0; i < source.Length; i++) { destination[i] = (float)source[i]; }
    }

    private static void Convert<T>(ReadOnlySpan<byte> source, Span<float> destination, Func<T, float> convert) where T : unmanaged
    {
        ReadOnlySpan<T> values = MemoryMarshal.Cast<byte, T>(source);
        for (int i = 0; i < values.Length; i++) { destination[i] = convert(values[i]); }
    }
}
