namespace HybridEngine.Core;

/// <summary>Which normalisation.</summary>
public enum NormKind
{
    /// <summary><c>x / sqrt(mean(x^2) + eps) * w</c> (Zhang and Sennrich 2019).</summary>
    Rms,
    /// <summary><c>(x - mean(x)) / sqrt(var(x) + eps) * w + b</c>, population variance, two passes (Ba et al. 2016).</summary>
    Layer,
}

/// <summary>Constants of a normalisation.</summary>
/// <param name="Kind">Which one.</param>
/// <param name="Epsilon">Added inside the root.</param>
/// <param name="WeightOffset">Added to every weight: 1 for Gemma, else 0.</param>
public readonly record struct NormOptions(NormKind Kind, float Epsilon, float WeightOffset = 0);

/// <summary>Row-wise normalisation, optionally of a residual sum.</summary>
public interface INormKernels
{
    /// <summary><c>sum = x + residual</c>; <c>y = norm(sum)</c>, row by row.</summary>
    /// <param name="x">[rows, width].</param>
    /// <param name="residual">[rows, width] or empty (then sum is x).</param>
    /// <param name="weight">[width].</param>
    /// <param name="bias">[width] or empty.</param>
    /// <param name="options">Kind, epsilon.</param>
    /// <param name="sum">[rows, width]; needed with a residual (may be x or residual themselves), empty otherwise.</param>
    /// <param name="y">[rows, width]; may be x itself when there is no residual.</param>
    /// <param name="statistics">[rows, 2]: mean (0 for RMS) and 1/sqrt(...), kept for the backward; or empty.</param>
    void Norm(Tensor x, Tensor residual, Tensor weight, Tensor bias, NormOptions options, Tensor sum, Tensor y, Tensor statistics);

    /// <summary>Gradients of <see cref="Norm"/> with respect to its sum, weight and bias.</summary>
    /// <param name="dy">[rows, width].</param>
    /// <param name="sum">The normalised rows' input, [rows, width].</param>
    /// <param name="weight">[width].</param>
    /// <param name="statistics">[rows, 2] from the forward.</param>
    /// <param name="options">As in the forward.</param>
    /// <param name="dSum">[rows, width]; overwritten, or added to with <paramref name="accumulate"/>; may be dy itself.</param>
    /// <param name="dWeight">[width], added to; or empty.</param>
    /// <param name="dBias">[width], added to; or empty.</param>
    /// <param name="accumulate">Add to dSum.</param>
    void NormBackward(Tensor dy, Tensor sum, Tensor weight, Tensor statistics, NormOptions options, Tensor dSum, Tensor dWeight, Tensor dBias, bool accumulate = false);
}
