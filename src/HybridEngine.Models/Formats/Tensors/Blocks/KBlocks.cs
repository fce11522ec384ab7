using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using static HybridEngine.Models.BlockVectors;

namespace HybridEngine.Models;

/// <summary>ggml's K types: 256 values in parts of 16 or 32, whose small integer scales share one float16 scale.</summary>
/// <remarks>
/// Q2_K <c>byte s[16]; byte q[64]; half d, dmin</c>, value q*(d*low(s)) - dmin*high(s). Q3_K <c>byte h[32]; byte q[64]; byte s[12]; half d</c>, value (q - 4 + 4*bit of h)*(d*(s - 32)).
/// Q4_K <c>half d, dmin; byte s[12]; byte n[128]</c>, Q5_K the same with <c>byte h[32]</c> before the nibbles, value q*(d*s) - dmin*m. Q6_K <c>byte n[128]; byte h[64]; int8 s[16]; half d</c>, value (q - 32)*(d*s).
/// </remarks>
internal static class KBlocks
{
    /// <summary>Values in a block.</summary>
    public const int Length = 256;

    /// <summary>Parts of a Q4_K or Q5_K block, each with a scale and a minimum.</summary>
    public const int Parts = 8;

    public static void DecodeQ2_K(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; destination.Length > 0; source = source[84..], destination = destination[Length..])
        {
            float d = Half(source, 80), minimum = Half(source, 82);
            // Sixteen parts of 16: two fields of 2 bits a byte quarter, first over bytes 0 to 31, then over 32 to 63.
            for (int part = 0; part < 16; part++)
            {
                byte s = source[part];
                Vector128<byte> q = Field(Load(source, 16 + part / 8 * 32 + part % 2 * 16), part / 2 % 4 * 2, 3);
                ScaleAndSubtract(q, d * (s & 15), minimum * (s >> 4), destination[(part * Width)..]);
            }
        }
    }

    public static void DecodeQ3_K(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; destination.Length > 0; source = source[110..], destination = destination[Length..])
        {
            float d = Half(source, 108);
            ReadOnlySpan<byte> scales = source.Slice(96, 12);
            for (int part = 0; part < 16; part++)
            {
                int low = scales[part % 8] >> part / 8 * 4 & 15, high = scales[8 + part % 4] >> part / 4 * 2 & 3;
                Vector128<byte> q = Field(Load(source, 32 + part / 8 * 32 + part % 2 * 16), part / 2 % 4 * 2, 3);
                // A set bit means that nothing is taken away.
                Vector128<byte> kept = Field(Load(source, part % 2 * 16), part / 2, 1) << 2;
                Scale((q + kept).AsSByte() - Vector128.Create((sbyte)4), d * ((low | high << 4) - 32), destination[(part * Width)..]);
            }
        }
    }

    public static void DecodeQ4_K(ReadOnlySpan<byte> source, Span<float> destination)
    {
        Span<byte> scales = stackalloc byte[Parts], minima = stackalloc byte[Parts];
        for (; destination.Length > 0; source = source[144..], destination = destination[Length..])
        {
            float d = Half(source, 0), minimum = Half(source, 2);
            UnpackScales(source.Slice(4, 12), scales, minima);
            for (int part = 0; part < Parts; part++)
            {
                float scale = d * scales[part], m = minimum * minima[part];
                int at = 16 + part / 2 * 32, shift = part % 2 * 4;
                ScaleAndSubtract(Field(Load(source, at), shift, 15), scale, m, destination[(part * 32)..]);
                ScaleAndSubtract(Field(Load(source, at + Width), shift, 15), scale, m, destination[(part * 32 + Width)..]);
            }
        }
    }

    public static void DecodeQ5_K(ReadOnlySpan<byte> source, Span<float> destination)
    {
        Span<byte> scales = stackalloc byte[Parts], minima = stackalloc byte[Parts];
        for (; destination.Length > 0; source = source[176..], destination = destination[Length..])
        {
            float d = Half(source, 0), minimum = Half(source, 2);
            UnpackScales(source.Slice(4, 12), scales, minima);
            for (int part = 0; part < Parts; part++)
            {
                float scale = d * scales[part], m = minimum * minima[part];
                int at = 48 + part / 2 * 32, shift = part % 2 * 4;
                for (int half = 0; half < 32; half += Width)
                {
                    Vector128<byte> fifth = Field(Load(source, 16 + half), part, 1) << 4;
                    ScaleAndSubtract(Field(Load(source, at + half), shift, 15) | fifth, scale, m, destination[(part * 32 + half)..]);
                }
            }
        }
    }

    public static void DecodeQ6_K(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; destination.Length > 0; source = source[210..], destination = destination[Length..])
        {
            float d = Half(source, 208);
            ReadOnlySpan<sbyte> scales = MemoryMarshal.Cast<byte, sbyte>(source.Slice(192, 16));
            for (int part = 0; part < 16; part++)
            {
                // A half of 128 values has 64 bytes of nibbles and 32 of upper bits: four chunks of 32 values.
                int half = part / 8, chunk = part / 2 % 4, side = part % 2 * Width;
                Vector128<byte> low = Field(Load(source, half * 64 + chunk % 2 * 32 + side), chunk / 2 * 4, 15);
                Vector128<byte> high = Field(Load(source, 128 + half * 32 + side), chunk * 2, 3) << 4;
                Scale((low | high).AsSByte() - Vector128.Create((sbyte)32), d * scales[part], destination[(part * Width)..]);
            }
        }
    }

    /// <summary>Eight scales and eight minima of 6 bits from 12 bytes: the first four of each in the low bits of bytes 0 to 7, the others spread over bytes 8 to 11 and the top bits.</summary>
    public static void UnpackScales(ReadOnlySpan<byte> packed, Span<byte> scales, Span<byte> minima)
    {
        for (int i = 0; i < 4; i++)
        {
            (scales[i], minima[i]) = ((byte)(packed[i] & 63), (byte)(packed[i + 4] & 63));
            scales[i + 4] = (byte)(packed[i + 8] & 15 | packed[i] >> 6 << 4);
            minima[i + 4] = (byte)(packed[i + 8] >> 4 | packed[i + 4] >> 6 << 4);
        }
    }

    /// <summary>The inverse of <see cref="UnpackScales"/>.</summary>
    public static void PackScales(ReadOnlySpan<byte> scales, ReadOnlySpan<byte> minima, Span<byte> packed)
    {
        for (int i = 0; i < 4; i++)
        {
            packed[i] = (byte)(scales[i] | scales[i + 4] >> 4 << 6);
            packed[i + 4] = (byte)(minima[i] | minima[i + 4] >> 4 << 6);
            packed[i + 8] = (byte)(scales[i + 4] & 15 | minima[i + 4] << 4);
        }
    }
}
