using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace HybridEngine.Models;

/// <summary>Quantizes to <see cref="ClassicBlocks"/> as ggml's reference does (<c>quantize_row_*_ref</c>): the same bytes, which the recorded blocks of llama.cpp hold.</summary>
internal static class ClassicQuantizers
{
    private const int Length = 32;

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

    public static void EncodeQ4_0(ReadOnlySpan<float> source, Span<byte> destination) => EncodeAroundMiddle(source, destination, 4);

    public static void EncodeQ5_0(ReadOnlySpan<float> source, Span<byte> destination) => EncodeAroundMiddle(source, destination, 5);

    public static void EncodeQ4_1(ReadOnlySpan<float> source, Span<byte> destination) => EncodeFromMinimum(source, destination, 4);

    public static void EncodeQ5_1(ReadOnlySpan<float> source, Span<byte> destination) => EncodeFromMinimum(source, destination, 5);

    // The first value of greatest magnitude, with its sign, becomes the lowest number exactly.
    private static void EncodeAroundMiddle(ReadOnlySpan<float> source, Span<byte> destination, int bits)
    {
        int bytes = 2 + bits * Length / 8, middle = 1 << (bits - 1);
        for (; source.Length > 0; source = source[Length..], destination = destination[bytes..])
        {
            float largest = LargestMagnitude(source), extreme = 0;
            foreach (float v in source[..Length])
            {
                if (Math.Abs(v) == largest)
                {
                    extreme = v;
                    break;
                }
            }

            float d = extreme / -middle, inverse = d != 0 ? 1 / d : 0;
            MemoryMarshal.Write(destination, (Half)d);
            Pack(source, inverse, 0, middle + 0.5f, bits, destination[2..]);
        }
    }

    private static void EncodeFromMinimum(ReadOnlySpan<float> source, Span<byte> destination, int bits)
    {
        int bytes = 4 + bits * Length / 8;
        for (; source.Length > 0; source = source[Length..], destination = destination[bytes..])
        {
            float min = float.MaxValue, max = float.MinValue;
            foreach (float v in source[..Length])
            {
                min = v < min ? v : min;
                max = v > max ? v : max;
            }

            float d = (max - min) / ((1 << bits) - 1), inverse = d != 0 ? 1 / d : 0;
            MemoryMarshal.Write(destination, (Half)d);
            MemoryMarshal.Write(destination[2..], (Half)min);
            Pack(source, inverse, min, 0.5f, bits, destination[4..]);
        }
    }

    // The whole part of (x - origin) * inverse + shift, within the bits: nibble i of value i and i + 16, before them the fifth bits of all 32.
    private static void Pack(ReadOnlySpan<float> x, float inverse, float origin, float shift, int bits, Span<byte> destination)
    {
        Vector128<byte> low = Narrow(Quantize(Load(x, 0)), Quantize(Load(x, 8))), high = Narrow(Quantize(Load(x, 16)), Quantize(Load(x, 24)));
        if (bits == 5)
        {
            MemoryMarshal.Write(destination, (low << 3).ExtractMostSignificantBits() | (high << 3).ExtractMostSignificantBits() << 16);
            destination = destination[4..];
        }

        ((low & Vector128.Create((byte)15)) | (high << 4)).CopyTo(destination);

        Vector256<int> Quantize(Vector256<float> v)
        {
            Vector256<float> scaled = (v - Vector256.Create(origin)) * inverse + Vector256.Create(shift);
            return Vector256.Clamp(Vector256.ConvertToInt32(scaled), Vector256<int>.Zero, Vector256.Create((1 << bits) - 1));
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
