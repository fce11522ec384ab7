using System.Runtime.InteropServices;

namespace HybridEngine.Native;

internal static unsafe partial class NativeMethods
{
    [LibraryImport(Library)]
    internal static partial HeStatus he_embed(
        ContextHandle ctx, int* ids, long tokens, float* table, long vocabulary, long width, float scale, int offset, float* y, long y_stride, int accumulate);

    [LibraryImport(Library)]
    internal static partial HeStatus he_embed_backward(
        ContextHandle ctx, int* ids, long tokens, float* dy, long dy_stride, float* dtable, long vocabulary, long width, float scale, int offset);

    [LibraryImport(Library)]
    internal static partial HeStatus he_gather_rows(
        ContextHandle ctx, float* x, long x_stride, long n, int* rows, long count, long width, float* y, long y_stride);

    [LibraryImport(Library)]
    internal static partial HeStatus he_scatter_add_rows(
        ContextHandle ctx, float* x, long x_stride, int* rows, long count, long width, float* y, long y_stride, long n);
}
