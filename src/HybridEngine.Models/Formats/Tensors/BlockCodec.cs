using System.Runtime.InteropServices;

namespace HybridEngine.Models;

/// <summary>ggml's blocks of 32 values: what their bytes stand for, and ggml's own rounding the other way (<c>quantize_row_*_ref</c>).</summary>
/// <remarks>
/// Layouts: Q8_0 <c>half d; int8 q[32]</c>, value d*q. Q4_0 <c>half d; byte n[16]</c>, value (n - 8)*d. Q4_1 <c>half d, m; byte n[16]</c>, value n*d + m.
/// Nibble i of the low halves is value i, of the high halves value i + 16. Bytes and values agree with shared golden files exactly.
/// </remarks>
internal static class BlockCodec
{
    private const int Length = 32;

    public static void DecodeQ8_0(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (int b = 0; b < destination.Length / Length; b++)
        {
            ReadOnlySpan<byte> block = source.Slice(b * 34, 34);
            float d = (float)MemoryMarshal.Read<Half>(block);
            ReadOnlySpan<sbyte> q = MemoryMarshal.Cast<byte, sbyte>(block[2..]);
            Span<float> y = destination.Slice(b * Length, Length);
            for (int i = 0; i < Length; i++) { y[i] = q[i] * d; }
        }
    }

    public static void DecodeQ4_0(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (int b = 0; b < destination.Length / Length; b++)
        {
            ReadOnlySpan<byte> block = source.Slice(b * 18, 18);
            float d = (float)MemoryMarshal.Read<Half>(block);
            ReadOnlySpan<byte> n = block[2..];
            Span<float> y = destination.Slice(b * Length, Length);
            for (int i = 0; i < Length / 2; i++)
            {
                y[i] = ((n[i] & 15) - 8) * d;
                y[i + 16] = ((n[i] >> 4) - 8) * d;
            }
        }
    }

    public static void DecodeQ4_1(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (int b = 0; b < destination.Length / Length; b++)
        {
            ReadOnlySpan<byte> block = source.Slice(b * 20, 20);
            float d = (float)MemoryMarshal.Read<Half>(block), m = (float)MemoryMarshal.Read<Half>(block[2..]);
            ReadOnlySpan<byte> n = block[4..];
            Span<float> y = destination.Slice(b * Length, Length);
            for (int i = 0; i < Length / 2; i++)
            {
                // Two roundings, as the format defines it: a fused multiply-add would give other bits.
                y[i] = (n[i] & 15) * d + m;
                y[i + 16] = (n[i] >> 4) * d + m;
            }
        }
    }

    public static void EncodeQ8_0(ReadOnlySpan<float> source, Span<byte> destination)
    {
        for (int b = 0; b < source.Length / Length; b++)
        {
            ReadOnlySpan<float> x = source.Slice(b * Length, Length);
            Span<byte> block = destination.Slice(b * 34, 34);
            float largest = 0;
            foreach (float v in x) { largest = Math.Max(largest, Math.Abs(v)); }
            float d = largest / 127, inverse = d != 0 ? 1 / d : 0;
            MemoryMarshal.Write(block, (Half)d);
            for (int i = 0; i < Length; i++) { block[2 + i] = (byte)(sbyte)MathF.Round(x[i] * inverse, MidpointRounding.AwayFromZero); }
        }
    }

    public static void EncodeQ4_0(ReadOnlySpan<float> source, Span<byte> destination)
    {
        for (int b = 0; b < source.Length / Length; b++)
        {
            ReadOnlySpan<float> x = source.Slice(b * Length, Length);
            Span<byte> block = destination.Slice(b * 18, 18);
            float largest = 0, extreme = 0;
            foreach (float v in x)
            {
                if (Math.Abs(v) > largest) { (largest, extreme) = (Math.Abs(v), v); }
            }

            // The value of greatest magnitude becomes -8 exactly.
            float d = extreme / -8, inverse = d != 0 ? 1 / d : 0;
            MemoryMarshal.Write(block, (Half)d);
            for (int i = 0; i < Length / 2; i++)
            {
                block[2 + i] = (byte)(Nibble(x[i] * inverse + 8.5f) | Nibble(x[i + 16] * inverse + 8.5f) << 4);
            }
        }
    }

    public static void EncodeQ4_1(ReadOnlySpan<float> source, Span<byte> destination)
    {
        for (int b = 0; b < source.Length / Length; b++)
        {
            ReadOnlySpan<float> x = source.Slice(b * Length, Length);
            Span<byte> block = destination.Slice(b * 20, 20);
            float min = float.MaxValue, max = float.MinValue;
            foreach (float v in x)
            {
                min = v < min ? v : min;
                max = v > max ? v : max;
            }

            float d = (max - min) / 15, inverse = d != 0 ? 1 / d : 0;
            MemoryMarshal.Write(block, (Half)d);
            MemoryMarshal.Write(block[2..], (Half)min);
            for (int i = 0; i < Length / 2; i++)
            {
                block[4 + i] = (byte)(Nibble((x[i] - min) * inverse + 0.5f) | Nibble((x[i + 16] - min) * inverse + 0.5f) << 4);
            }
        }
    }

    private static int Nibble(float value) => Math.Clamp((int)value, 0, 15);
}
