using System.Runtime.InteropServices;

namespace HybridEngine.Native;

internal static unsafe partial class NativeMethods
{
    [LibraryImport(Library)]
    internal static partial HeStatus he_convert(ContextHandle ctx, long n, int from, void* source, int to, void* destination);
}
