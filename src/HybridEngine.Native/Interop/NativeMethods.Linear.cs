using System.Runtime.InteropServices;

namespace HybridEngine.Native;

internal static unsafe partial class NativeMethods
{
    [LibraryImport(Library)]
    internal static partial long he_linear_packed_length(long outputs, long inputs);

    [LibraryImport(Library)]
    internal static partial HeStatus he_linear_pack(ContextHandle ctx, float* source, long source_stride, long outputs, long inputs, float* packed);

    [LibraryImport(Library)]
    internal static partial HeStatus he_linear_unpack(ContextHandle ctx, float* packed, long outputs, long inputs, float* destination, long destination_stride);

    [LibraryImport(Library)]
    internal static partial HeStatus he_linear_forward(
        ContextHandle ctx, float* x, long x_stride, long rows, long inputs, float* w, long outputs, float* bias, float* y, long y_stride, int accumulate);

    [LibraryImport(Library)]
    internal static partial HeStatus he_linear_backward_input(
        ContextHandle ctx, float* dy, long dy_stride, long rows, long outputs, float* w, long inputs, float* dx, long dx_stride, int accumulate);

    [LibraryImport(Library)]
    internal static partial HeStatus he_linear_backward_weight(
        ContextHandle ctx, float* x, long x_stride, float* dy, long dy_stride, long rows, long inputs, long outputs, float* dw, float* dbias);

    [LibraryImport(Library)]
    internal static partial HeStatus he_linear_merge_lora(
        ContextHandle ctx, float* w, long outputs, long inputs, float* a, long a_stride, float* b, long b_stride, long rank, float scale, float* destination);
}
