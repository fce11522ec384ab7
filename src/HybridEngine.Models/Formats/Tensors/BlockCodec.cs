using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace HybridEngine.Models;

/// <summary>ggml's blocks of 32 values: what their bytes stand for, and ggml's own rounding the other way (<c>quantize_row_*_ref</c>).</summary>
/// <remarks>
/// Layouts: Q8_0 <c>half d; int8 q[32]</c>, value d*q. Q4_0 <c>half d; byte n[16]</c>, value (n - 8)*d. Q4_1 <c>half d, m; byte n[16]</c>, value n*d + m.
/// Nibble i of the low halves is value i, of the high halves value i + 16. Bytes and values agree with the recorded blocks of llama.cpp exactly.
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
            float d = LargestMagnitude(x) / 127, inverse = d != 0 ? 1 / d : 0;
            MemoryMarshal.Write(block, (Half)d);
            for (int i = 0; i < Length; i += 16)
            {
                Narrow(RoundAway(Load(x, i) * inverse), RoundAway(Load(x, i + 8) * inverse)).CopyTo(block[(2 + i)..]);
            }
        }
    }

    public static void EncodeQ4_0(ReadOnlySpan<float> source, Span<byte> destination)
    {
        for (int b = 0; b < source.Length / Length; b++)
        {
            ReadOnlySpan<float> x = source.Slice(b * Length, Length);
            Span<byte> block = destination.Slice(b * 18, 18);
            float largest = LargestMagnitude(x), extreme = 0;
            // The first value of greatest magnitude, with its sign, becomes -8 exactly.
            foreach (float v in x)
            {
                if (Math.Abs(v) == largest)
                {
                    extreme = v;
                    break;
                }
            }

            float d = extreme / -8, inverse = d != 0 ? 1 / d : 0;
            MemoryMarshal.Write(block, (Half)d);
            PackNibbles(x, inverse, 0, 8.5f, block[2..]);
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
            PackNibbles(x, inverse, min, 0.5f, block[4..]);
        }
    }

    // Nibble i of value i and i + 16: the whole part of (x - origin) * inverse + shift, at most 15.
    private static void PackNibbles(ReadOnlySpan<float> x, float inverse, float origin, float shift, Span<byte> destination)
    {
        Vector128<byte> low = Narrow(Quantize(Load(x, 0)), Quantize(Load(x, 8))), high = Narrow(Quantize(Load(x, 16)), Quantize(Load(x, 24)));
        (low | (high << 4)).CopyTo(destination);

        Vector256<int> Quantize(Vector256<float> v)
        {
            Vector256<float> scaled = (v - Vector256.Create(origin)) * inverse + Vector256.Create(shift);
            return Vector256.Clamp(Vector256.ConvertToInt32(scaled), Vector256<int>.Zero, Vector256.Create(15));
        }
    }

    private static float LargestMagnitude(ReadOnlySpan<float> x)
    {
        Vector256<float> most = Vector256.Max(Vector256.Max(Vector256.Abs(Load(x, 0)), Vector256.Abs(Load(x, 8))), Vector256.Max(Vector256.Abs(Load(x, 16)), Vector256.Abs(Load(x, 24))));
        float largest = 0;
        for (int i = 0; i < 8; i++) { largest = most[i] > largest ? most[i] : largest; }
        return largest;
    }

    // C's roundf, halves away from zero: the remainder is exact.
    private static Vector256<int> RoundAway(Vector256<float> value)
    {
        Vector256<float> whole = Vector256.Truncate(value), rest = value - whole;
        Vector256<float> up = Vector256.GreaterThanOrEqual(rest, Vector256.Create(0.5f)) & Vector256.Create(1f);
        Vector256<float> down = Vector256.LessThanOrEqual(rest, Vector256.Create(-0.5f)) & Vector256.Create(1f);
        return Vector256.ConvertToInt32(whole + up - down);
    }

    private static Vector256<float> Load(ReadOnlySpan<float> x, int first) => Vector256.Create(x.Slice(first, 8));

    private static Vector128<byte> Narrow(Vector256<int> first, Vector256<int> second)
    {
        Vector256<short> words = Vector256.Narrow(first, second);
        return Vector128.Narrow(words.GetLower(), words.GetUpper()).AsByte();
    }
}
