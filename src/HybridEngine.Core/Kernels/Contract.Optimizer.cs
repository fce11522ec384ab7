namespace HybridEngine.Core;

// IOptimizerKernels.
public static partial class Contract
{
    /// <summary>Checks <see cref="IOptimizerKernels.SquaredNorm"/>.</summary>
    public static void SquaredNorm(DeviceKind device, IReadOnlyList<Tensor> tensors, Tensor result)
    {
        if (tensors is null) { throw new ArgumentException("tensors is missing.", nameof(tensors)); }
        for (int i = 0; i < tensors.Count; i++) { RequireFlat(device, tensors[i], $"tensors[{i}]"); }
        RequireVector(device, result, nameof(result), DType.Float64, 1);
    }

    /// <summary>Checks <see cref="IOptimizerKernels.ClipCoefficient"/>.</summary>
    public static void ClipCoefficient(DeviceKind device, Tensor squaredNorm, double maxNorm, Tensor coefficient)
    {
        RequireVector(device, squaredNorm, nameof(squaredNorm), DType.Float64, 1);
        RequireVector(device, coefficient, nameof(coefficient), DType.Float32, 1);
        if (double.IsNaN(maxNorm)) { throw Wrong(nameof(maxNorm), "NaN", "a number; 0 or less is off"); }
    }

    /// <summary>Checks <see cref="IOptimizerKernels.AdamW"/>.</summary>
    public static void AdamW(DeviceKind device, Tensor parameter, Tensor gradient, Tensor m, Tensor v, AdamWStep step, Tensor gradientScale, WeightMatrix? copy = null)
    {
        RequireFlat(device, parameter, nameof(parameter));
        RequireVector(device, gradient, nameof(gradient), DType.Float32, parameter.Count);
        RequireVector(device, m, nameof(m), DType.Float32, parameter.Count);
        RequireVector(device, v, nameof(v), DType.Float32, parameter.Count);
        RequireOptionalVector(device, gradientScale, nameof(gradientScale), DType.Float32, 1);
        if (!double.IsFinite(step.LearningRate) || step.LearningRate < 0) { throw Wrong("step.LearningRate", $"{step.LearningRate}", "0 or more"); }
        if (!(step.Beta1 >= 0 && step.Beta1 < 1)) { throw Wrong("step.Beta1", $"{step.Beta1}", "0 to less than 1"); }
        if (!(step.Beta2 >= 0 && step.Beta2 < 1)) { throw Wrong("step.Beta2", $"{step.Beta2}", "0 to less than 1"); }
        if (!(step.Epsilon >= 0)) { throw Wrong("step.Epsilon", $"{step.Epsilon}", "0 or more"); }
        if (!(step.WeightDecay >= 0)) { throw Wrong("step.WeightDecay", $"{step.WeightDecay}", "0 or more"); }
        if (step.Step < 1) { throw Wrong("step.Step", $"{step.Step}", "1 or more"); }
        if (copy is not null)
        {
            RequireComputeCopy(device, copy, nameof(copy), -1, -1);
            RequireDisjoint(copy.Storage, nameof(copy), parameter, nameof(parameter));
        }
    }

    private static void RequireFlat(DeviceKind device, Tensor tensor, string name) => RequireVector(device, tensor, name, DType.Float32, -1);
}
