namespace HybridEngine.Core;

// INormKernels and IPositionKernels.
public static partial class Contract
{
    /// <summary>Checks <see cref="INormKernels.Norm"/>.</summary>
    public static void Norm(DeviceKind device, Tensor x, Tensor residual, Tensor weight, Tensor bias, NormOptions options, Tensor sum, Tensor y, Tensor statistics)
    {
        Require(device, x, nameof(x), DType.Float32, -1, -1);
        (long rows, long width) = (x.Shape[0], x.Shape[1]);
        RequireNormOptions(options);
        RequireOptional(device, residual, nameof(residual), DType.Float32, rows, width);
        RequireVector(device, weight, nameof(weight), DType.Float32, width);
        RequireOptionalVector(device, bias, nameof(bias), DType.Float32, width);
        if (residual.IsEmpty != sum.IsEmpty)
        {
            throw Wrong(nameof(sum), $"{sum}", residual.IsEmpty ? "no tensor, because there is no residual" : $"Float32 [{rows}, {width}], because there is a residual");
        }

        RequireOptional(device, sum, nameof(sum), DType.Float32, rows, width);
        Require(device, y, nameof(y), DType.Float32, rows, width);
        RequireOptional(device, statistics, nameof(statistics), DType.Float32, rows, 2);
        RequireDisjoint(sum, nameof(sum), x, nameof(x), exactAllowed: true);
        RequireDisjoint(sum, nameof(sum), residual, nameof(residual), exactAllowed: true);
        RequireDisjoint(y, nameof(y), x, nameof(x), exactAllowed: residual.IsEmpty);
        RequireDisjoint(y, nameof(y), residual, nameof(residual));
        RequireDisjoint(y, nameof(y), sum, nameof(sum));
    }

    /// <summary>Checks <see cref="INormKernels.NormBackward"/>.</summary>
    public static void NormBackward(DeviceKind device, Tensor dy, Tensor sum, Tensor weight, Tensor statistics, NormOptions options, Tensor dSum, Tensor dWeight, Tensor dBias)
    {
        Require(device, dy, nameof(dy), DType.Float32, -1, -1);
        (long rows, long width) = (dy.Shape[0], dy.Shape[1]);
        RequireNormOptions(options);
        Require(device, sum, nameof(sum), DType.Float32, rows, width);
        RequireVector(device, weight, nameof(weight), DType.Float32, width);
        Require(device, statistics, nameof(statistics), DType.Float32, rows, 2);
        Require(device, dSum, nameof(dSum), DType.Float32, rows, width);
        RequireOptionalVector(device, dWeight, nameof(dWeight), DType.Float32, width);
        RequireOptionalVector(device, dBias, nameof(dBias), DType.Float32, width);
        RequireDisjoint(dSum, nameof(dSum), dy, nameof(dy), exactAllowed: true);
        RequireDisjoint(dSum, nameof(dSum), sum, nameof(sum));
    }

    /// <summary>Checks <see cref="IPositionKernels.Rotary"/>.</summary>
    public static void Rotary(DeviceKind device, Tensor x, Tensor positions, Tensor table)
    {
        Require(device, x, nameof(x), DType.Float32, -1, -1, -1);
        RequireVector(device, positions, nameof(positions), DType.Int32, x.Shape[0]);
        Require(device, table, nameof(table), DType.Float32, -1, -1);
        long rotary = table.Shape[1], headSize = x.Shape[2];
        if (rotary % 2 != 0 || rotary > headSize) { throw Wrong(nameof(table), $"{table}", $"an even number of columns, at most the head size {headSize}"); }
        RequireRange(positions, nameof(positions), 0, table.Shape[0], "rows of table");
    }

    private static void RequireNormOptions(NormOptions options)
    {
        if (!(options.Epsilon >= 0)) { throw Wrong("options.Epsilon", $"{options.Epsilon}", "0 or more"); }
        if (!Enum.IsDefined(options.Kind)) { throw Wrong("options.Kind", $"{options.Kind}", "Rms or Layer"); }
    }
}
