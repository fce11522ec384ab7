using HybridEngine.Core;

namespace HybridEngine.Kernels.Tests;

/// <summary>What the conformance suite runs on. A backend adds one of these and a line per kernel family.</summary>
public interface IBackend
{
    /// <summary>Null when it runs on this machine, else the reason why not.</summary>
    static abstract string? WhyMissing { get; }

    /// <summary>Fresh kernels with this many threads; 0 takes the backend's choice.</summary>
    static abstract IKernels Open(int threads);
}
