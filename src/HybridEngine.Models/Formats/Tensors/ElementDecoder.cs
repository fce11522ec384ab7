using System.Runtime.InteropServices;
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
            case DType.BFloat16: HalfCodec.DecodeBFloat16(MemoryMarshal.Cast<byte, ushort>(source), destination); break;
            case DType.Float16: HalfCodec.DecodeFloat16(MemoryMarshal.Cast<byte, ushort>(source), destination); break;
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
            case DType.BFloat16: HalfCodec.EncodeBFloat16(source, MemoryMarshal.Cast<byte, ushort>(destination)); break;
            case DType.Float16: HalfCodec.EncodeFloat16(source, MemoryMarshal.Cast<byte, ushort>(destination)); break;
            case DType.Q8_0: BlockCodec.EncodeQ8_0(source, destination); break;
            case DType.Q4_0: BlockCodec.EncodeQ4_0(source, destination); break;
            case DType.Q4_1: BlockCodec.EncodeQ4_1(source, destination); break;
            default: throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "cannot be written");
        }
    }

    private static void Convert<T>(ReadOnlySpan<byte> source, Span<float> destination, Func<T, float> convert) where T : unmanaged
    {
        ReadOnlySpan<T> values = MemoryMarshal.Cast<byte, T>(source);
        for (int i = 0; i < values.Length; i++) { destination[i] = convert(values[i]); }
    }
}
