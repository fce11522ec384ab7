using HybridEngine.Core;
using HybridEngine.Native;
using HybridEngine.Reference;
using Xunit;

namespace HybridEngine.Inference.Tests;

/// <summary>The backends that the engine's promises are tested on.</summary>
public enum Backend
{
    /// <summary>Plain C#.</summary>
    Reference,
    /// <summary>The native library on one thread.</summary>
    Native1,
    /// <summary>The native library on two threads.</summary>
    Native2,
}

internal static class BackendExtensions
{
    public static IKernels Open(this Backend backend)
    {
        if (backend == Backend.Reference) { return new ReferenceKernels(); }
        Skip.If(!NativeLibraryReport.Current.IsLoaded, NativeLibraryReport.Current.ToString());
        return new NativeKernels(new NativeOptions { Threads = backend == Backend.Native1 ? 1 : 2 });
    }
}
