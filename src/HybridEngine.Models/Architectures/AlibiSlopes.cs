using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Slopes of linear attention biases (Press et al. 2022).</summary>
internal static class AlibiSlopes
{
    /// <summary>A geometric series from 2^(-8/n) for n heads; a number of heads that is not a power of two takes every other slope of the next power for the rest.</summary>
    public static float[] Of(int heads)
    {
        int power = 1 << (int)Math.Log2(heads);
        float[] slopes = new float[heads];
        for (int h = 0; h < heads; h++) { slopes[h] = (float)(h < power ? Math.Pow(2, -8.0 * (h + 1) / power) : Math.Pow(2, -4.0 * (2 * (h - power) + 1) / power)); }
        return slopes;
    }

    /// <summary>[heads] on the device.</summary>
    public static Tensor Create(IKernels kernels, int heads)
    {
        Tensor slopes = kernels.Allocate(DType.Float32, heads);
        kernels.Upload<float>(Of(heads), slopes);
        return slopes;
    }
}
