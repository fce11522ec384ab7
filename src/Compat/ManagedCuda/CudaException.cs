using System.Runtime.InteropServices;
using ManagedCuda.BasicTypes;

namespace ManagedCuda;

/// <summary>A call of the driver failed.</summary>
public class CudaException : Exception
{
    /// <param name="error">What the driver said.</param>
    public CudaException(CUResult error) : base(Describe(error)) => CudaError = error;

    /// <summary>What the driver said.</summary>
    public CUResult CudaError { get; }

    private static string Describe(CUResult error)
    {
        nint name = 0, text = 0;
        _ = DriverAPINativeMethods.cuGetErrorName(error, ref name);
        _ = DriverAPINativeMethods.cuGetErrorString(error, ref text);
        return $"{Marshal.PtrToStringUTF8(name) ?? error.ToString()}: {Marshal.PtrToStringUTF8(text) ?? "no text"}";
    }
}
