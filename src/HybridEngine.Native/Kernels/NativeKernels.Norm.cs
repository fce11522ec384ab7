using HybridEngine.Core;

namespace HybridEngine.Native;

public sealed unsafe partial class NativeKernels
{
    /// <inheritdoc />
    public void Norm(Tensor x, Tensor residual, Tensor weight, Tensor bias, NormOptions options, Tensor sum, Tensor y, Tensor statistics)
    {
        Contract.Norm(Device, x, residual, weight, bias, options, sum, y, statistics);
        NativeMethods.he_norm(_context, x.Shape[0], x.Shape[1], F32(x), RowStride(x), F32(residual), RowStride(residual), F32(weight), F32(bias),
            Flag(options.Kind == NormKind.Layer), options.Epsilon, options.WeightOffset, F32(sum), RowStride(sum), F32(y), RowStride(y), F32(statistics), RowStride(statistics)).Check();
    }

    /// <inheritdoc />
    public void NormBackward(Tensor dy, Tensor sum, Tensor weight, Tensor statistics, NormOptions options, Tensor dSum, Tensor dWeight, Tensor dBias, bool accumulate = false)
    {
        Contract.NormBackward(Device, dy, sum, weight, statistics, options, dSum, dWeight, dBias);
        NativeMethods.he_norm_backward(_context, dy.Shape[0], dy.Shape[1], F32(dy), RowStride(dy), F32(sum), RowStride(sum), F32(weight), F32(statistics), RowStride(statistics),
            Flag(options.Kind == NormKind.Layer), options.WeightOffset, F32(dSum), RowStride(dSum), Flag(accumulate), F32(dWeight), F32(dBias)).Check();
    }
}
