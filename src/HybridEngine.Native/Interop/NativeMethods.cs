using System.Runtime.InteropServices;

namespace HybridEngine.Native;

/// <summary>The C ABI (native/include/hybridengine/he.h), one line an export under the same name. Nothing outside this assembly sees it.</summary>
/// <remarks>One partial file per kernel family; a test compares every signature with the header.</remarks>
internal static unsafe partial class NativeMethods
{
    internal const string Library = "hybridengine_native";
    internal const uint AbiVersion = 5;

    static NativeMethods() => NativeLibrary.SetDllImportResolver(typeof(NativeMethods).Assembly, static (name, _, _) => name == Library ? NativeLoader.Handle : 0);

    [LibraryImport(Library)]
    internal static partial uint he_abi_version();

    [LibraryImport(Library)]
    internal static partial byte* he_last_error();

    [LibraryImport(Library)]
    internal static partial byte* he_available_isas();

    [LibraryImport(Library)]
    internal static partial HeStatus he_context_create(byte* isa, byte* matrix, int threads, out ContextHandle context);

    [LibraryImport(Library)]
    internal static partial void he_context_destroy(nint context);

    [LibraryImport(Library)]
    internal static partial byte* he_context_isa(ContextHandle context);

    [LibraryImport(Library)]
    internal static partial byte* he_context_matrix(ContextHandle context);

    [LibraryImport(Library)]
    internal static partial byte* he_context_bf16_variant(ContextHandle context);

    [LibraryImport(Library)]
    internal static partial int he_context_threads(ContextHandle context);

    [LibraryImport(Library)]
    internal static partial HeStatus he_context_peak(ContextHandle context, int arithmetic, byte* instruction, double* operations);
}
