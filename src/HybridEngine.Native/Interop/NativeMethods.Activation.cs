using System.Runtime.InteropServices;

namespace HybridEngine.Native;

internal static unsafe partial class NativeMethods
{
    [LibraryImport(Library)]
    internal static partial HeStatus he_activate(ContextHandle ctx, int kind, long rows, long width, float* x, long x_stride, float* y, long y_stride);

    [LibraryImport(Library)]
    internal static partial HeStatus he_activate_backward(ContextHandle ctx, int kind, long rows, long width, float* x, long x_stride, float* dy,
        long dy_stride, float* dx, long dx_stride);

    [LibraryImport(Library)]
    internal static partial HeStatus he_gate(ContextHandle ctx, int kind, long rows, long width, float* gate, long gate_stride, float* up,
        long up_stride, float* y, long y_stride);

    [LibraryImport(Library)]
    internal static partial HeStatus he_gate_backward(ContextHandle ctx, int kind, long rows, long width, float* gate, long gate_stride, float* up,
        long up_stride, float* dy, long dy_stride, float* d_gate, long d_gate_stride, float* d_up, long d_up_stride);

    [LibraryImport(Library)]
    internal static partial HeStatus he_axpby(ContextHandle ctx, long rows, long width, float alpha, float* x, long x_stride, float beta, float* y, long y_stride);

    [LibraryImport(Library)]
    internal static partial HeStatus he_scale_columns(ContextHandle ctx, long rows, long width, float* x, long x_stride, float* scale, float* offset, float* y, long y_stride);
}
