using System.Buffers.Binary;
using HybridEngine.Core;

namespace HybridEngine.Reference;

/// <summary>GGUF's K types, value by value: 256 of them in parts whose small integer scales share one or two float16 factors. Products are rounded to float32, then the difference is.</summary>
internal static class KBlocks
{
    public const int Length = 256;

    public static void Dequantize(DType dtype, ReadOnlySpan<byte> block, Span<float> x)
    {
        for (int i = 0; i < Length; i++)
        {
            x[i] = dtype switch
            {
                DType.Q2_K => Q2(block, i),
                DType.Q3_K => Q3(block, i),
                DType.Q4_K => Q4(block, i),
                DType.Q5_K => Q5(block, i),
                DType.Q6_K => Q6(block, i),
                _ => throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "not a K type"),
            };
        }
    }

    // Scales and minima of four bits [16], numbers of two bits [64 bytes], d, dmin.
    private static float Q2(ReadOnlySpan<byte> block, int i)
    {
        byte scale = block[i / 16];
        int number = block[16 + i / 128 * 32 + i % 32] >> i % 128 / 32 * 2 & 3;
        return number * (Factor(block, 80) * (scale & 15)) - Factor(block, 82) * (scale >> 4);
    }

    // Third bits [32 bytes], two bits [64 bytes], scales of six bits [12 bytes], d.
    private static float Q3(ReadOnlySpan<byte> block, int i)
    {
        int part = i / 16, low = block[96 + part % 8] >> part / 8 * 4 & 15, high = block[104 + part % 4] >> part / 4 * 2 & 3;
        int number = block[32 + i / 128 * 32 + i % 32] >> i % 128 / 32 * 2 & 3, third = block[i % 32] >> i / 32 & 1;
        return (number + 4 * third - 4) * (Factor(block, 108) * ((low | high << 4) - 32));
    }

    // d, dmin, scales and minima of six bits [12 bytes], nibbles [128 bytes].
    private static float Q4(ReadOnlySpan<byte> block, int i) => Scaled(block, i, Nibble(block, 16, i));

    // The same with fifth bits [32 bytes] before the nibbles.
    private static float Q5(ReadOnlySpan<byte> block, int i) => Scaled(block, i, Nibble(block, 48, i) + 16 * (block[16 + i % 32] >> i / 32 & 1));

    // Nibbles [128 bytes], upper two bits [64 bytes], int8 scales [16], d.
    private static float Q6(ReadOnlySpan<byte> block, int i)
    {
        int half = i / 128, chunk = i % 128 / 32;
        int low = block[64 * half + 32 * (chunk % 2) + i % 32] >> 4 * (chunk / 2) & 15, high = block[128 + 32 * half + i % 32] >> 2 * chunk & 3;
        return (low + 16 * high - 32) * (Factor(block, 208) * (sbyte)block[192 + i / 16]);
    }

    private static int Nibble(ReadOnlySpan<byte> block, int start, int i) => block[start + i / 64 * 32 + i % 32] >> i / 32 % 2 * 4 & 15;

    private static float Scaled(ReadOnlySpan<byte> block, int i, int number)
    {
        int part = i / 32;
        ReadOnlySpan<byte> s = block[4..];
        (int scale, int minimum) = part < 4
            ? (s[part] & 63, s[part + 4] & 63)
            : (s[part + 4] & 15 | s[part - 4] >> 6 << 4, s[part + 4] >> 4 | s[part] >> 6 << 4);
        return number * (Factor(block, 0) * scale) - Factor(block, 2) * minimum;
    }

    private static float Factor(ReadOnlySpan<byte> block, int at) => (float)BinaryPrimitives.ReadHalfLittleEndian(block[at..]);
}
