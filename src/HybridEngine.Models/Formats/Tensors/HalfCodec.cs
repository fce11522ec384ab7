using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace HybridEngine.Models;

/// <summary>float32 to and from the two 16-bit floats, sixteen at a time, rounding to nearest even. NaN stays NaN.</summary>
internal static class HalfCodec
{
    private const int Width = 16;

    public static void DecodeBFloat16(ReadOnlySpan<ushort> source, Span<float> destination)
    {
        int i = 0;
        Span<uint> bits = MemoryMarshal.Cast<float, uint>(destination);
        for (; i <= source.Length - Width; i += Width)
        {
            (Vector256<uint> low, Vector256<uint> high) = Vector256.Widen(Vector256.Create(source.Slice(i, Width)));
            (low << 16).CopyTo(bits[i..]);
            (high << 16).CopyTo(bits[(i + 8)..]);
        }

        for (; i < source.Length; i++) { bits[i] = (uint)source[i] << 16; }
    }

    public static void EncodeBFloat16(ReadOnlySpan<float> source, Span<ushort> destination)
    {
        int i = 0;
        ReadOnlySpan<uint> bits = MemoryMarshal.Cast<float, uint>(source);
        for (; i <= bits.Length - Width; i += Width)
        {
            Vector256.Narrow(Round(Vector256.Create(bits.Slice(i, 8))), Round(Vector256.Create(bits.Slice(i + 8, 8)))).CopyTo(destination[i..]);
        }

        for (; i < bits.Length; i++) { destination[i] = (ushort)Round(Vector256.CreateScalar(bits[i])).ToScalar(); }

        static Vector256<uint> Round(Vector256<uint> x)
        {
            Vector256<uint> rounded = (x + Vector256.Create(0x7FFFu) + ((x >> 16) & Vector256.Create(1u))) >> 16;
            // A NaN keeps its sign and upper payload: rounding could carry it into infinity.
            Vector256<uint> isNaN = Vector256.GreaterThan(x & Vector256.Create(0x7FFFFFFFu), Vector256.Create(0x7F800000u));
            return Vector256.ConditionalSelect(isNaN, (x >> 16) | Vector256.Create(0x40u), rounded);
        }
    }

    public static void DecodeFloat16(ReadOnlySpan<ushort> source, Span<float> destination)
    {
        int i = 0;
        Span<uint> bits = MemoryMarshal.Cast<float, uint>(destination);
        for (; i <= source.Length - Width; i += Width)
        {
            (Vector256<uint> low, Vector256<uint> high) = Vector256.Widen(Vector256.Create(source.Slice(i, Width)));
            Widen(low).CopyTo(bits[i..]);
            Widen(high).CopyTo(bits[(i + 8)..]);
        }

        for (; i < source.Length; i++) { bits[i] = Widen(Vector256.CreateScalar((uint)source[i])).ToScalar(); }

        // The product with 2^112 moves the exponent's bias and normalises subnormals, both exactly.
        static Vector256<uint> Widen(Vector256<uint> h)
        {
            Vector256<uint> shifted = (h & Vector256.Create(0x7FFFu)) << 13;
            Vector256<uint> scaled = (shifted.AsSingle() * Vector256.Create(0x77800000u).AsSingle()).AsUInt32();
            Vector256<uint> special = Vector256.GreaterThanOrEqual(shifted, Vector256.Create(0x0F800000u)) & Vector256.Create(0x7F800000u);
            return scaled | special | ((h & Vector256.Create(0x8000u)) << 16);
        }
    }

    public static void EncodeFloat16(ReadOnlySpan<float> source, Span<ushort> destination)
    {
        int i = 0;
        ReadOnlySpan<uint> bits = MemoryMarshal.Cast<float, uint>(source);
        for (; i <= bits.Length - Width; i += Width)
        {
            Vector256.Narrow(Narrow(Vector256.Create(bits.Slice(i, 8))), Narrow(Vector256.Create(bits.Slice(i + 8, 8)))).CopyTo(destination[i..]);
        }

        for (; i < bits.Length; i++) { destination[i] = (ushort)Narrow(Vector256.CreateScalar(bits[i])).ToScalar(); }

        static Vector256<uint> Narrow(Vector256<uint> x)
        {
            Vector256<uint> magnitude = x & Vector256.Create(0x7FFFFFFFu);
            // Normal results: move the bias, add just under half a unit and the odd bit, cut.
            Vector256<uint> normal = (magnitude + Vector256.Create(unchecked((uint)((15 - 127) << 23)) + 0xFFFu) + ((magnitude >> 13) & Vector256.Create(1u))) >> 13;
            // Subnormal results: adding 0.5 lets the float unit round at the right bit.
            Vector256<uint> half = Vector256.Create(0x3F000000u);
            Vector256<uint> subnormal = (magnitude.AsSingle() + half.AsSingle()).AsUInt32() - half;
            Vector256<uint> infinite = Vector256.Create(0x7C00u);
            Vector256<uint> notANumber = Vector256.Create(0x7E00u) | ((magnitude >> 13) & Vector256.Create(0x3FFu));
            Vector256<uint> result = Vector256.ConditionalSelect(Vector256.LessThan(magnitude, Vector256.Create(113u << 23)), subnormal, normal);
            result = Vector256.ConditionalSelect(Vector256.GreaterThanOrEqual(magnitude, Vector256.Create(143u << 23)), infinite, result);
            result = Vector256.ConditionalSelect(Vector256.GreaterThan(magnitude, Vector256.Create(0x7F800000u)), notANumber, result);
            return result | ((x >> 16) & Vector256.Create(0x8000u));
        }
    }
}
