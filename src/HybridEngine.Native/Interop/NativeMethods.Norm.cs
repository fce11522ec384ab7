using System.Runtime.InteropServices;

namespace HybridEngine.Native;

internal static unsafe partial class NativeMethods
{
    [LibraryImport(Library)]
    internal static partial HeStatus he_norm(ContextHandle ctx, long rows, long width, float* x, long x_stride, float* residual, long residual_stride,
        float* weight, float* bias, int centred, float epsilon, float weight_offset, float* sum, long sum_stride, float* y,
        long y_stride, float* statistics, long statistics_stride);

    [LibraryImport(Library)]
    internal static partial HeStatus he_norm_backward(ContextHandle ctx, long rows, long width, float* dy, long dy_stride, float* sum, long sum_stride,
        float* weight, float* statistics, long statistics_stride, int centred, float weight_offset, float* d_sum,
        long d_sum_stride, int accumulate, float* d_weight, float* d_bias);
}
