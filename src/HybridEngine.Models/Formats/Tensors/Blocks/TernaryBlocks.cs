using System.Runtime.Intrinsics;
using static HybridEngine.Models.BlockVectors;

namespace HybridEngine.Models;

/// <summary>Block types of the three values -1, 0 and 1 times a scale, 256 to a block.</summary>
/// <remarks>
/// TQ2_0 <c>byte q[64]; half d</c>: two bits a value, quarters of a byte as in Q2_K. TQ1_0 <c>byte q[48]; byte h[4]; half d</c>: five base-3 digits a byte (four in h), stored as
/// ceil(256/243 * number): times 3^i modulo 256 brings digit i to the top, where times 3 and a shift by 8 reads it.
/// </remarks>
internal static class TernaryBlocks
{
    private static ReadOnlySpan<byte> Powers => [1, 3, 9, 27, 81];

    public static void DecodeTQ2_0(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; destination.Length > 0; source = source[66..], destination = destination[KBlocks.Length..])
        {
            float d = Half(source, 64);
            for (int part = 0; part < 16; part++)
            {
                Vector128<byte> q = Field(Load(source, part / 8 * 32 + part % 2 * 16), part / 2 % 4 * 2, 3);
                Scale(q.AsSByte() - Vector128<sbyte>.One, d, destination[(part * Width)..]);
            }
        }
    }

    public static void DecodeTQ1_0(ReadOnlySpan<byte> source, Span<float> destination)
    {
        Span<sbyte> digits = stackalloc sbyte[KBlocks.Length];
        for (; destination.Length > 0; source = source[54..], destination = destination[KBlocks.Length..])
        {
            int written = Digits(source[..32], 5, digits);
            written += Digits(source.Slice(32, 16), 5, digits[written..]);
            Digits(source.Slice(48, 4), 4, digits[written..]);
            float d = Half(source, 52);
            for (int i = 0; i < digits.Length; i += Width) { Scale(Vector128.Create<sbyte>(digits.Slice(i, Width)), d, destination[i..]); }
        }
    }

    // The first digit of every byte, then the second of every byte, and so on.
    private static int Digits(ReadOnlySpan<byte> bytes, int count, Span<sbyte> digits)
    {
        int at = 0;
        for (int digit = 0; digit < count; digit++)
        {
            foreach (byte b in bytes) { digits[at++] = (sbyte)(((byte)(b * Powers[digit]) * 3 >> 8) - 1); }
        }

        return at;
    }
}
