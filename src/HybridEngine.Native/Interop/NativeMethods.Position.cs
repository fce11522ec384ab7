using System.Runtime.InteropServices;

namespace HybridEngine.Native;

internal static unsafe partial class NativeMethods
{
    [LibraryImport(Library)]
    internal static partial HeStatus he_rotary(ContextHandle ctx, long tokens, long heads, long head_size, float* x, long token_stride, long head_stride,
        int* positions, float* table, long table_rows, long table_stride, long rotary, int interleaved, int inverse);
}
