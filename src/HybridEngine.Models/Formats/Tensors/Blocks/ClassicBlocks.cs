using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using static HybridEngine.Models.BlockVectors;

namespace HybridEngine.Models;

/// <summary>ggml's first block types, 32 values each.</summary>
/// <remarks>
/// Q8_0 <c>half d; int8 q[32]</c>, value q*d. Q4_0 <c>half d; byte n[16]</c>, value (n - 8)*d. Q4_1 <c>half d, m; byte n[16]</c>, value n*d + m.
/// Q5_0 and Q5_1 add <c>uint32 h</c> before the nibbles, whose bit i is the fifth bit of value i: (n - 16)*d, n*d + m.
/// Nibble i of the low halves is value i, of the high halves value i + 16.
/// </remarks>
internal static class ClassicBlocks
{
    private const int Length = 32;

    public static void DecodeQ8_0(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; destination.Length > 0; source = source[34..], destination = destination[Length..])
        {
            float d = Half(source, 0);
            Scale(Load(source, 2).AsSByte(), d, destination);
            Scale(Load(source, 18).AsSByte(), d, destination[Width..]);
        }
    }

    public static void DecodeQ4_0(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; destination.Length > 0; source = source[18..], destination = destination[Length..])
        {
            float d = Half(source, 0);
            Vector128<byte> n = Load(source, 2);
            Scale(Field(n, 0, 15).AsSByte() - Vector128.Create((sbyte)8), d, destination);
            Scale(Field(n, 4, 15).AsSByte() - Vector128.Create((sbyte)8), d, destination[Width..]);
        }
    }

    public static void DecodeQ4_1(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; destination.Length > 0; source = source[20..], destination = destination[Length..])
        {
            float d = Half(source, 0), m = Half(source, 2);
            Vector128<byte> n = Load(source, 4);
            ScaleAndSubtract(Field(n, 0, 15), d, -m, destination);
            ScaleAndSubtract(Field(n, 4, 15), d, -m, destination[Width..]);
        }
    }

    public static void DecodeQ5_0(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; destination.Length > 0; source = source[22..], destination = destination[Length..])
        {
            float d = Half(source, 0);
            (Vector128<byte> low, Vector128<byte> high) = FiveBits(source[2..]);
            Scale(low.AsSByte() - Vector128.Create((sbyte)16), d, destination);
            Scale(high.AsSByte() - Vector128.Create((sbyte)16), d, destination[Width..]);
        }
    }

    public static void DecodeQ5_1(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; destination.Length > 0; source = source[24..], destination = destination[Length..])
        {
            float d = Half(source, 0), m = Half(source, 2);
            (Vector128<byte> low, Vector128<byte> high) = FiveBits(source[4..]);
            ScaleAndSubtract(low, d, -m, destination);
            ScaleAndSubtract(high, d, -m, destination[Width..]);
        }
    }

    private static (Vector128<byte> Low, Vector128<byte> High) FiveBits(ReadOnlySpan<byte> fifthAndNibbles)
    {
        uint fifth = MemoryMarshal.Read<uint>(fifthAndNibbles);
        Vector128<byte> n = Load(fifthAndNibbles, 4);
        return (Field(n, 0, 15) | Spread((ushort)fifth, 16), Field(n, 4, 15) | Spread((ushort)(fifth >> 16), 16));
    }
}
