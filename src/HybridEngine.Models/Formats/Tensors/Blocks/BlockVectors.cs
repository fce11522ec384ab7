using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace HybridEngine.Models;

/// <summary>What the block decoders share: integers of a block to float32, sixteen at a time.</summary>
/// <remarks>Products and sums are each rounded to float32, as the formats define them: a fused multiply-add would give other bits.</remarks>
internal static class BlockVectors
{
    /// <summary>Values that one call of <see cref="Scale"/> or <see cref="ScaleAndSubtract"/> writes.</summary>
    public const int Width = 16;

    /// <summary>A little-endian float16 at a byte offset.</summary>
    public static float Half(ReadOnlySpan<byte> block, int offset) => (float)MemoryMarshal.Read<Half>(block[offset..]);

    /// <summary>Sixteen bytes at an offset.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Load(ReadOnlySpan<byte> block, int offset) => Vector128.Create(block.Slice(offset, Width));

    /// <summary>Bits <paramref name="shift"/> and up of every byte, cut to <paramref name="mask"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Field(Vector128<byte> bytes, int shift, byte mask) => (bytes >>> shift) & Vector128.Create(mask);

    /// <summary><paramref name="value"/> where the bit of that number (0 to 15) is set, else 0.</summary>
    public static Vector128<byte> Spread(ushort bits, byte value)
    {
        Vector128<byte> one = Vector128.Create(1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128);
        Vector128<byte> lanes = Vector128.Create(Vector64.Create((byte)bits), Vector64.Create((byte)(bits >> 8)));
        return Vector128.Equals(lanes & one, one) & Vector128.Create(value);
    }

    /// <summary><c>y = q * d</c> for sixteen signed bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scale(Vector128<sbyte> q, float d, Span<float> y)
    {
        Span<float> target = y[..Width];
        (Vector128<short> low, Vector128<short> high) = Vector128.Widen(q);
        (Float(low) * d).CopyTo(target);
        (Float(high) * d).CopyTo(target[8..]);
    }

    /// <summary><c>y = q * d - m</c> for sixteen bytes below 128.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ScaleAndSubtract(Vector128<byte> q, float d, float m, Span<float> y)
    {
        Span<float> target = y[..Width];
        (Vector128<short> low, Vector128<short> high) = Vector128.Widen(q.AsSByte());
        Vector256<float> minimum = Vector256.Create(m);
        (Float(low) * d - minimum).CopyTo(target);
        (Float(high) * d - minimum).CopyTo(target[8..]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Float(Vector128<short> q) => Vector256.ConvertToSingle(Vector256.WidenLower(q.ToVector256Unsafe()));
}
