using System.Buffers.Binary;
using HybridEngine.Core;

namespace HybridEngine.Reference;

/// <summary>GGUF's blocks of 32 values, rounded as ggml's reference quantizers round (ggml-quants.c: the float32 operations and their order are part of the format).</summary>
internal static class Blocks
{
    private const int Length = 32, Pairs = 16;

    public static void Quantize(DType dtype, ReadOnlySpan<float> x, Span<byte> block)
    {
        switch (dtype)
        {
            case DType.Q8_0: QuantizeQ8_0(x, block); break;
            case DType.Q4_0: QuantizeQ4_0(x, block); break;
            case DType.Q4_1: QuantizeQ4_1(x, block); break;
            default: throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "not a block type");
        }
    }

    public static void Dequantize(DType dtype, ReadOnlySpan<byte> block, Span<float> x)
    {
        float scale = (float)BinaryPrimitives.ReadHalfLittleEndian(block);
        switch (dtype)
        {
            case DType.Q8_0:
                for (int i = 0; i < Length; i++) { x[i] = (sbyte)block[2 + i] * scale; }
                break;
            case DType.Q4_0:
                for (int i = 0; i < Pairs; i++)
                {
                    x[i] = ((block[2 + i] & 15) - 8) * scale;
                    x[i + Pairs] = ((block[2 + i] >> 4) - 8) * scale;
                }

                break;
            case DType.Q4_1:
                float minimum = (float)BinaryPrimitives.ReadHalfLittleEndian(block[2..]);
                for (int i = 0; i < Pairs; i++)
                {
                    x[i] = (block[4 + i] & 15) * scale + minimum;
                    x[i + Pairs] = (block[4 + i] >> 4) * scale + minimum;
                }

                break;
            default: throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "not a block type");
        }
    }

    private static void QuantizeQ8_0(ReadOnlySpan<float> x, Span<byte> block)
    {
        float greatest = 0;
        foreach (float value in x) { greatest = Math.Max(greatest, Math.Abs(value)); }
        float scale = greatest / 127, inverse = scale != 0 ? 1 / scale : 0;
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)scale);
        for (int i = 0; i < Length; i++) { block[2 + i] = (byte)(sbyte)MathF.Round(x[i] * inverse, MidpointRounding.AwayFromZero); }
    }

    private static void QuantizeQ4_0(ReadOnlySpan<float> x, Span<byte> block)
    {
        // The value of greatest size, with its sign, becomes -8.
        float extreme = 0;
        foreach (float value in x)
        {
            if (Math.Abs(value) > Math.Abs(extreme)) { extreme = value; }
        }

        float scale = extreme / -8, inverse = scale != 0 ? 1 / scale : 0;
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)scale);
        for (int i = 0; i < Pairs; i++) { block[2 + i] = Pair(x[i] * inverse + 8.5f, x[i + Pairs] * inverse + 8.5f); }
    }

    private static void QuantizeQ4_1(ReadOnlySpan<float> x, Span<byte> block)
    {
        float minimum = float.MaxValue, maximum = float.MinValue;
        foreach (float value in x)
        {
            if (value < minimum) { minimum = value; }
            if (value > maximum) { maximum = value; }
        }

        float scale = (maximum - minimum) / 15, inverse = scale != 0 ? 1 / scale : 0;
        BinaryPrimitives.WriteHalfLittleEndian(block, (Half)scale);
        BinaryPrimitives.WriteHalfLittleEndian(block[2..], (Half)minimum);
        for (int i = 0; i < Pairs; i++) { block[4 + i] = Pair((x[i] - minimum) * inverse + 0.5f, (x[i + Pairs] - minimum) * inverse + 0.5f); }
    }

    // Two numbers of 0 to 15, cut off towards zero.
    private static byte Pair(float low, float high) => (byte)(Math.Min(15, (int)(sbyte)low) & 15 | (Math.Min(15, (int)(sbyte)high) & 15) << 4);
}
