namespace HybridEngine.Core;

/// <summary>Numbers of one AdamW step (Loshchilov and Hutter 2019; eps placed as in PyTorch).</summary>
/// <param name="LearningRate">Of this step.</param>
/// <param name="Beta1">Decay of the first moment.</param>
/// <param name="Beta2">Decay of the second moment.</param>
/// <param name="Epsilon">Added to the root.</param>
/// <param name="WeightDecay">Decoupled: p *= 1 - lr * wd first.</param>
/// <param name="Step">Counts from 1.</param>
public readonly record struct AdamWStep(double LearningRate, double Beta1, double Beta2, double Epsilon, double WeightDecay, long Step);

/// <summary>Optimizer arithmetic over flat tensors in any layout (padding is 0 and stays 0).</summary>
public interface IOptimizerKernels
{
    /// <summary>Sum of squares over all tensors into result [1] float64; fixed order, whatever the number of threads.</summary>
    void SquaredNorm(IReadOnlyList<Tensor> tensors, Tensor result);

    /// <summary><c>coefficient[0] = min(1, maxNorm / (sqrt(squaredNorm[0]) + 1e-6))</c>, float32; maxNorm &lt;= 0 gives 1. A norm that is not finite gives NaN.</summary>
    void ClipCoefficient(Tensor squaredNorm, double maxNorm, Tensor coefficient);

    /// <summary>One AdamW step: g = gradient * gradientScale[0]; moments m, v; parameter updated in place.</summary>
    /// <param name="parameter">[n] float32.</param>
    /// <param name="gradient">[n] float32.</param>
    /// <param name="m">[n], first moment.</param>
    /// <param name="v">[n], second moment.</param>
    /// <param name="step">Rates and step number.</param>
    /// <param name="gradientScale">[1] or empty (1): the clip coefficient.</param>
    /// <param name="copy">The bf16 compute copy of the weight whose storage <paramref name="parameter"/> is; written in the same pass, as <see cref="ILinearKernels.Narrow"/> would. Null for none.</param>
    void AdamW(Tensor parameter, Tensor gradient, Tensor m, Tensor v, AdamWStep step, Tensor gradientScale, WeightMatrix? copy = null);
}
