using HybridEngine.Core;
using static HybridEngine.Reference.Loops;

namespace HybridEngine.Reference;

public sealed partial class ReferenceKernels
{
    /// <inheritdoc />
    public void SquaredNorm(IReadOnlyList<Tensor> tensors, Tensor result)
    {
        Contract.SquaredNorm(Device, tensors, result);
        double sum = 0;
        foreach (Tensor tensor in tensors)
        {
            foreach (float value in Floats(tensor)) { sum += (double)value * value; }
        }

        result.AsSpan<double>()[0] = sum;
    }

    /// <inheritdoc />
    public void ClipCoefficient(Tensor squaredNorm, double maxNorm, Tensor coefficient)
    {
        Contract.ClipCoefficient(Device, squaredNorm, maxNorm, coefficient);
        double norm = Math.Sqrt(squaredNorm.AsSpan<double>()[0]);
        double clip = maxNorm <= 0 ? 1 : Math.Min(1, maxNorm / (norm + 1e-6));
        Floats(coefficient)[0] = double.IsFinite(norm) ? (float)clip : float.NaN;
    }

    /// <inheritdoc />
    public void AdamW(Tensor parameter, Tensor gradient, Tensor m, Tensor v, AdamWStep step, Tensor gradientScale, WeightMatrix? copy = null)
    {
        Contract.AdamW(Device, parameter, gradient, m, v, step, gradientScale, copy);
        if (copy is not null && copy.Storage.Count != parameter.Count) { throw new ArgumentException($"parameter is {parameter}, expected {copy.Storage.Count} elements, the storage of a float32 weight of the size of copy, {copy}.", nameof(parameter)); }
        Span<float> p = Floats(parameter), g = Floats(gradient), first = Floats(m), second = Floats(v);
        double scale = gradientScale.IsEmpty ? 1 : Floats(gradientScale)[0];
        double correction1 = 1 - Math.Pow(step.Beta1, step.Step), correction2 = 1 - Math.Pow(step.Beta2, step.Step);
        for (int i = 0; i < p.Length; i++)
        {
            double d = g[i] * scale;
            double m1 = step.Beta1 * first[i] + (1 - step.Beta1) * d;
            double v1 = step.Beta2 * second[i] + (1 - step.Beta2) * d * d;
            double decayed = p[i] * (1 - step.LearningRate * step.WeightDecay);
            p[i] = (float)(decayed - step.LearningRate / correction1 * m1 / (Math.Sqrt(v1 / correction2) + step.Epsilon));
            (first[i], second[i]) = ((float)m1, (float)v1);
        }

        if (copy is not null) { NarrowTo(parameter, copy); }
    }
}
