using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Cosines and sines of every position, computed in float64 once and uploaded.</summary>
internal static class RotaryTable
{
    /// <summary>[positions, rotary]: rotary/2 cosines, then rotary/2 sines, times the factor of the specification.</summary>
    public static Tensor Create(IKernels kernels, RotarySpec spec, int positions)
    {
        int half = spec.RotarySize / 2;
        float[] table = new float[checked((long)positions * spec.RotarySize)];
        for (int p = 0; p < positions; p++)
        {
            Span<float> row = table.AsSpan(p * spec.RotarySize, spec.RotarySize);
            for (int i = 0; i < half; i++)
            {
                (double sin, double cos) = Math.SinCos(p * spec.InverseFrequencies[i]);
                row[i] = (float)(cos * spec.Factor);
                row[half + i] = (float)(sin * spec.Factor);
            }
        }

        Tensor result = kernels.Allocate(DType.Float32, positions, spec.RotarySize);
        kernels.Upload(table, result);
        return result;
    }
}
