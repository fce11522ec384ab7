using HybridEngine.Core;

namespace HybridEngine.Reference;

/// <summary>A cache that holds, in float32, the values that an element type keeps.</summary>
internal sealed record NarrowCache(DType Kept, Tensor Keys, Tensor Values, int Blocks, int BlockSize, int KeyHeads, int HeadSize)
    : KvLayer(Keys, Values, Blocks, BlockSize, KeyHeads, HeadSize)
{
    /// <summary>Replaces the heads of one position by what the type keeps of them.</summary>
    public void Keep(Span<float> position)
    {
        if (Kept == DType.BFloat16)
        {
            foreach (ref float x in position) { x = Operands.ToBFloat16(x); }
        }

        if (Kept != DType.UInt8) { return; }
        for (int h = 0; h < KeyHeads; h++) { Quantize(position.Slice(h * HeadSize, HeadSize)); }
    }

    // x = scale * q: scale = max |x| / 127, q the nearest integer to x / scale. A head that is not finite becomes NaN.
    private static void Quantize(Span<float> head)
    {
        float top = 0;
        foreach (float x in head) { top = MathF.Max(top, MathF.Abs(x)); }
        float scale = float.IsFinite(top) ? top / 127 : float.NaN;
        foreach (ref float x in head) { x = scale == 0 ? 0 : scale * Math.Clamp(MathF.Round(x / scale, MidpointRounding.ToEven), -127, 127); }
    }
}
