using HybridEngine.Core;

namespace HybridEngine.Reference;

/// <summary>The other operand of a product as the weight's arithmetic sees it: rounded, then widened to float32 again. Weights hold values that need no rounding.</summary>
internal static class Operands
{
    private const int Block = 32;

    // 2^-120: blocks below this magnitude are zeros, because 127 / greatest would overflow.
    private const float Least = 7.52316385e-37f;

    /// <summary>Rows of <paramref name="x"/> rounded as the arithmetic says; the tensor itself where there is nothing to round.</summary>
    public static Tensor Of(Tensor x, Arithmetic arithmetic)
    {
        if (arithmetic == Arithmetic.Float32 || x.Count == 0) { return x; }
        Tensor rounded = new(HostMemory.Allocate(DType.Float32.Bytes(x.Count)), DType.Float32, x.Shape);
        FloatRows from = new(x), to = new(rounded);
        for (long r = 0; r < from.Count; r++)
        {
            if (arithmetic == Arithmetic.BFloat16) { RoundToBFloat16(from[r], to[r]); } else { RoundToBlocks(from[r], to[r]); }
        }

        return rounded;
    }

    public static float ToBFloat16(float value) => BFloat16.ToFloat(BFloat16.FromFloat(value));

    private static void RoundToBFloat16(ReadOnlySpan<float> from, Span<float> to)
    {
        for (int i = 0; i < from.Length; i++) { to[i] = ToBFloat16(from[i]); }
    }

    // Blocks of 32 inputs: scale = greatest magnitude / 127, values in -127 .. 127, to the nearest, ties to even.
    private static void RoundToBlocks(ReadOnlySpan<float> from, Span<float> to)
    {
        for (int start = 0; start < from.Length; start += Block)
        {
            ReadOnlySpan<float> block = from.Slice(start, Math.Min(Block, from.Length - start));
            float greatest = 0;
            foreach (float value in block) { greatest = Math.Max(greatest, Math.Abs(value)); }
            float scale = greatest / 127, inverse = greatest >= Least ? 127 / greatest : 0;
            if (greatest < Least) { scale = 0; }
            for (int i = 0; i < block.Length; i++) { to[start + i] = scale * MathF.Round(block[i] * inverse); }
        }
    }
}
