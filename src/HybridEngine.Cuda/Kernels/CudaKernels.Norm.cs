using HybridEngine.Core;

namespace HybridEngine.Cuda;

public sealed unsafe partial class CudaKernels
{
    private static readonly Kernel _norm = new("norm.norm", "norm_f32", threads: 128);

    /// <inheritdoc />
    public void Norm(Tensor x, Tensor residual, Tensor weight, Tensor bias, NormOptions options, Tensor sum, Tensor y, Tensor statistics)
    {
        Contract.Norm(Device, x, residual, weight, bias, options, sum, y, statistics);
        const int SharedBytes = 2 * (128 / 32) * sizeof(float);
        _device.Launch(_norm, new Grid(x.Shape[0]), new NormArguments
        {
            X = At(x), XStride = RowStride(x), Residual = At(residual), ResidualStride = RowStride(residual), Weight = At(weight), Bias = At(bias),
            Sum = At(sum), SumStride = RowStride(sum), Y = At(y), YStride = RowStride(y), Statistics = At(statistics), StatisticsStride = RowStride(statistics),
            Width = Int(x.Shape[1]), Layer = Flag(options.Kind == NormKind.Layer), Epsilon = options.Epsilon, WeightOffset = options.WeightOffset,
        }, SharedBytes);
    }

    /// <inheritdoc />
    public void NormBackward(Tensor dy, Tensor sum, Tensor weight, Tensor statistics, NormOptions options, Tensor dSum, Tensor dWeight, Tensor dBias, bool accumulate = false) =>
        throw Missing(nameof(NormBackward));
}
