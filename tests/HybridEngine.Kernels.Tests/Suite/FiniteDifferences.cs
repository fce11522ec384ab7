using HybridEngine.Testing;

namespace HybridEngine.Kernels.Tests;

/// <summary>Gradients measured: <c>(loss(x + h) - loss(x - h)) / 2h</c>, with the loss a weighted sum of a forward's outputs.</summary>
internal static class FiniteDifferences
{
    private const double Step = 1.0 / 64;

    /// <summary>Compares a backward's gradient with the slope of the forward at every input element.</summary>
    /// <param name="input">Where to measure; restored afterwards.</param>
    /// <param name="forward">Outputs for the current content of <paramref name="input"/>, by the double-precision oracle.</param>
    /// <param name="upstream">The loss's weight of each output.</param>
    /// <param name="gradient">What the backward gave.</param>
    /// <param name="context">Printed on failure.</param>
    public static void Check(float[] input, Func<float[]> forward, float[] upstream, float[] gradient, object context)
    {
        float[] slopes = new float[input.Length];
        for (int i = 0; i < input.Length; i++)
        {
            float middle = input[i];
            (float above, float below) = ((float)(middle + Step), (float)(middle - Step));
            input[i] = above;
            double up = Loss(forward(), upstream);
            input[i] = below;
            double down = Loss(forward(), upstream);
            input[i] = middle;
            slopes[i] = (float)((up - down) / ((double)above - below));
        }

        // The third derivative and the rounding of float32 outputs, each about 1e-4 of the largest slope at these sizes.
        Compare.CloseToLargest(slopes, gradient, 2e-3, $"finite differences, {context}");
    }

    private static double Loss(float[] outputs, float[] upstream)
    {
        double loss = 0;
        for (int i = 0; i < outputs.Length; i++) { loss += (double)outputs[i] * upstream[i]; }
        return loss;
    }
}
