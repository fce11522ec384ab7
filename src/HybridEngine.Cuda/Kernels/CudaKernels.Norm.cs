using HybridEngine.Core;

namespace HybridEngine.Cuda;

public sealed unsafe partial class CudaKernels
{
    private static readonly Kernel _norm = new("norm.norm", "norm_f32", threads: 128), _normBackward = new("norm.norm_backward", "norm_backward_f32", threads: 128),
        _columnSums = new("norm.norm_backward", "column_sums_f32", threads: 256);

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
    public void NormBackward(Tensor dy, Tensor sum, Tensor weight, Tensor statistics, NormOptions options, Tensor dSum, Tensor dWeight, Tensor dBias, bool accumulate = false)
    {
        Contract.NormBackward(Device, dy, sum, weight, statistics, options, dSum, dWeight, dBias);
        // dSum may be dy itself, so the sums over rows come first.
        if (!dWeight.IsEmpty || !dBias.IsEmpty) { ColumnSums(dy, sum, statistics, dWeight, dBias); }
        const int SharedBytes = 2 * (128 / 32) * sizeof(float);
        _device.Launch(_normBackward, new Grid(dy.Shape[0]), new NormBackwardArguments
        {
            Dy = At(dy), Sum = At(sum), Weight = At(weight), Statistics = At(statistics), DSum = At(dSum),
            DyStride = RowStride(dy), SumStride = RowStride(sum), DSumStride = RowStride(dSum), StatisticsStride = RowStride(statistics),
            Width = Int(dy.Shape[1]), Layer = Flag(options.Kind == NormKind.Layer), Accumulate = Flag(accumulate), WeightOffset = options.WeightOffset,
        }, SharedBytes);
    }

    // dBias += column sums of dy; dWeight += those of dy times the normalised rows. Either may be missing.
    private void ColumnSums(Tensor dy, Tensor sum, Tensor statistics, Tensor dWeight, Tensor dBias)
    {
        if (dy.Shape[0] == 0) { return; }
        const int SharedBytes = 2 * 8 * 32 * sizeof(float);
        _device.Launch(_columnSums, new Grid(Grid.Pieces(dy.Shape[1], 32)), new ColumnSumArguments
        {
            Dy = At(dy), Sum = At(sum), Statistics = At(statistics), DWeight = At(dWeight), DBias = At(dBias),
            DyStride = RowStride(dy), SumStride = RowStride(sum), StatisticsStride = RowStride(statistics), Rows = Int(dy.Shape[0]), Width = Int(dy.Shape[1]),
        }, SharedBytes);
    }
}
