using HybridEngine.Core;
using static HybridEngine.Reference.Loops;

namespace HybridEngine.Reference;

public sealed partial class ReferenceKernels
{
    /// <inheritdoc />
    public void Rotary(Tensor x, Tensor positions, Tensor table, RotaryLayout layout, bool inverse = false)
    {
        Contract.Rotary(Device, x, positions, table);
        FloatRows xs = new(x), angles = new(table);
        int heads = (int)x.Shape[1], headSize = (int)x.Shape[2], half = (int)table.Shape[1] / 2;
        for (int t = 0; t < xs.Count; t++)
        {
            ReadOnlySpan<float> cos = angles.Part(Ints(positions)[t], 0, half), sin = angles.Part(Ints(positions)[t], half, half);
            for (int h = 0; h < heads; h++)
            {
                Span<float> head = xs.Part(t, h * headSize, headSize);
                for (int i = 0; i < half; i++)
                {
                    (int first, int second) = layout == RotaryLayout.Halves ? (i, i + half) : (2 * i, 2 * i + 1);
                    double a = head[first], b = head[second], s = inverse ? -sin[i] : sin[i];
                    head[first] = (float)(a * cos[i] - b * s);
                    head[second] = (float)(b * cos[i] + a * s);
                }
            }
        }
    }
}
