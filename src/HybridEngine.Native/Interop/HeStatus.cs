using System.Runtime.InteropServices;
using HybridEngine.Core;

namespace HybridEngine.Native;

/// <summary>Status of every fallible native call; mirrors <c>he_status</c>.</summary>
internal enum HeStatus
{
    Ok = 0,
    InvalidArgument = 1,
    OutOfMemory = 2,
    Unsupported = 3,
    Device = 4,
    Internal = 5,
}

internal static unsafe class HeStatusExtensions
{
    /// <summary>Turns a status into the exception that says the same; returns when it is Ok.</summary>
    internal static void Check(this HeStatus status)
    {
        if (status != HeStatus.Ok) { throw ToException(status); }
    }

    private static Exception ToException(HeStatus status)
    {
        string message = Marshal.PtrToStringUTF8((nint)NativeMethods.he_last_error()) ?? "";
        return status switch
        {
            HeStatus.InvalidArgument => new ArgumentException(message),
            HeStatus.OutOfMemory => new HybridEngineException($"memory: the native library cannot allocate its workspace ({message})"),
            HeStatus.Unsupported => new HybridEngineException(message),
            _ => new InvalidOperationException($"native library: {status}: {message}"),
        };
    }
}
