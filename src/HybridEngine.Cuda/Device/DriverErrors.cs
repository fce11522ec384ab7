using HybridEngine.Core;
using ManagedCuda;
using ManagedCuda.BasicTypes;

namespace HybridEngine.Cuda;

/// <summary>The driver's results as exceptions.</summary>
internal static class DriverErrors
{
    /// <summary>Does nothing when all is well.</summary>
    /// <param name="result">What the driver said.</param>
    /// <param name="call">What it was asked to do, for people: "launch of norm_f32".</param>
    /// <exception cref="HybridEngineException">It failed; the message has the call and the driver's name and text of the error.</exception>
    public static void Check(this CUResult result, string call)
    {
        if (result != CUResult.Success) { throw Failure(result, call); }
    }

    /// <summary>The exception for a failed call.</summary>
    public static HybridEngineException Failure(CUResult result, string call)
    {
        CudaException cause = new(result);
        return new HybridEngineException($"cuda: {call} failed: {cause.Message}", cause);
    }
}
