using HybridEngine.Core;

namespace HybridEngine.Native;

public sealed unsafe partial class NativeKernels
{
    /// <inheritdoc />
    public void SquaredNorm(IReadOnlyList<Tensor> tensors, Tensor result)
    {
        Contract.SquaredNorm(Device, tensors, result);
        nint[] addresses = new nint[tensors.Count];
        long[] lengths = new long[tensors.Count];
        for (int i = 0; i < addresses.Length; i++) { (addresses[i], lengths[i]) = (tensors[i].Address, tensors[i].Count); }
        fixed (nint* first = addresses)
        fixed (long* length = lengths)
        {
            NativeMethods.he_squared_norm(_context, addresses.Length, (float**)first, length, F64(result)).Check();
        }

        GC.KeepAlive(tensors);
    }

    /// <inheritdoc />
    public void ClipCoefficient(Tensor squaredNorm, double maxNorm, Tensor coefficient)
    {
        Contract.ClipCoefficient(Device, squaredNorm, maxNorm, coefficient);
        double norm = Math.Sqrt(*F64(squaredNorm));
        *F32(coefficient) = !double.IsFinite(norm) ? float.NaN : maxNorm <= 0 ? 1 : (float)Math.Min(1, maxNorm / (norm + 1e-6));
    }

    /// <inheritdoc />
    public void AdamW(Tensor parameter, Tensor gradient, Tensor m, Tensor v, AdamWStep step, Tensor gradientScale, WeightMatrix? copy = null)
    {
        Contract.AdamW(Device, parameter, gradient, m, v, step, gradientScale, copy);
        if (copy is not null)
        {
            RequireMaster(parameter, copy);
            NativeMethods.he_adamw_bf16(_context, copy.Outputs, copy.Inputs, F32(parameter), F32(gradient), F32(m), F32(v), step.LearningRate, step.Beta1, step.Beta2, step.Epsilon,
                step.WeightDecay, step.Step, F32(gradientScale), Bf16(copy, nameof(copy))).Check();
            return;
        }

        NativeMethods.he_adamw(_context, parameter.Count, F32(parameter), F32(gradient), F32(m), F32(v), step.LearningRate, step.Beta1, step.Beta2, step.Epsilon, step.WeightDecay,
            step.Step, F32(gradientScale)).Check();
    }

    // The parameter is the storage of a float32 weight of the copy's size.
    private static void RequireMaster(Tensor parameter, WeightMatrix copy)
    {
        long length = NativeMethods.he_linear_packed_length(copy.Outputs, copy.Inputs);
        if (parameter.Count != length) { throw new ArgumentException($"parameter is {parameter}, expected {length} elements, the storage of a float32 weight of the size of copy, {copy}.", nameof(parameter)); }
    }
}
