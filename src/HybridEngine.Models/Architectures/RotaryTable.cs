using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Cosines and sines of every position, computed in float64 once and uploaded.</summary>
internal static class RotaryTable
{
    /// <summary>[rows, rotary]: rotary/2 cosines, then rotary/2 sines, times the factor of the specification. One row a position; with two sets of frequencies, the positions of short sequences, then all positions
    /// of long ones (<see cref="DecoderConfig.PositionShift"/>).</summary>
    public static Tensor Create(IKernels kernels, RotarySpec spec, int positions)
    {
        int shorter = spec.LongInverseFrequencies is not null && spec.LongFrom < positions ? spec.LongFrom : 0;
        float[] table = new float[checked(((long)shorter + positions) * spec.RotarySize)];
        Fill(table.AsSpan(0, shorter * spec.RotarySize), spec, spec.InverseFrequencies);
        Fill(table.AsSpan(shorter * spec.RotarySize), spec, shorter > 0 ? spec.LongInverseFrequencies! : spec.InverseFrequencies);
        Tensor result = kernels.Allocate(DType.Float32, shorter + positions, spec.RotarySize);
        kernels.Upload<float>(table, result);
        return result;
    }

    private static void Fill(Span<float> rows, RotarySpec spec, double[] frequencies)
    {
        int half = spec.RotarySize / 2;
        for (int p = 0; p * spec.RotarySize < rows.Length; p++)
        {
            Span<float> row = rows.Slice(p * spec.RotarySize, spec.RotarySize);
            for (int i = 0; i < half; i++)
            {
                (double sin, double cos) = Math.SinCos(p * frequencies[i]);
                row[i] = (float)(cos * spec.Factor);
                row[half + i] = (float)(sin * spec.Factor);
            }
        }
    }
}
