using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using static HybridEngine.Models.BlockVectors;

namespace HybridEngine.Models;

/// <summary>Block types whose four bits are the number of an entry in a table.</summary>
/// <remarks>
/// IQ4_NL <c>half d; byte n[16]</c>, value table[n]*d. IQ4_XS <c>half d; uint16 sh; byte sl[4]; byte n[128]</c>: eight parts of 32, value table[n]*(d*(s - 32)) with s of 4 bits in sl and 2 in sh.
/// MXFP4 (OCP microscaling) <c>byte e; byte n[16]</c>: E2M1 values times 2^(e - 127). Nibbles as in <see cref="ClassicBlocks"/>.
/// </remarks>
internal static class TableBlocks
{
    private static readonly Vector128<sbyte> _nonLinear = Vector128.Create(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);

    // Twice the E2M1 values, so that they are integers; the scale is halved.
    private static readonly Vector128<sbyte> _doubledE2M1 = Vector128.Create(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12);

    public static void DecodeIQ4_NL(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; destination.Length > 0; source = source[18..], destination = destination[32..])
        {
            LookUp(_nonLinear, Load(source, 2), Half(source, 0), destination);
        }
    }

    public static void DecodeIQ4_XS(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; destination.Length > 0; source = source[136..], destination = destination[KBlocks.Length..])
        {
            float d = Half(source, 0);
            int high = MemoryMarshal.Read<ushort>(source[2..]);
            for (int part = 0; part < 8; part++)
            {
                int scale = source[4 + part / 2] >> part % 2 * 4 & 15 | (high >> part * 2 & 3) << 4;
                LookUp(_nonLinear, Load(source, 8 + part * Width), d * (scale - 32), destination[(part * 32)..]);
            }
        }
    }

    public static void DecodeMXFP4(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; destination.Length > 0; source = source[17..], destination = destination[32..])
        {
            int e = source[0];
            // 2^(e - 128), which for e = 0 and 1 is a subnormal.
            float half = BitConverter.UInt32BitsToSingle(e < 2 ? 0x00200000u << e : (uint)(e - 1) << 23);
            LookUp(_doubledE2M1, Load(source, 1), half, destination);
        }
    }

    private static void LookUp(Vector128<sbyte> table, Vector128<byte> n, float d, Span<float> y)
    {
        Scale(Vector128.Shuffle(table, Field(n, 0, 15).AsSByte()), d, y);
        Scale(Vector128.Shuffle(table, Field(n, 4, 15).AsSByte()), d, y[Width..]);
    }
}
