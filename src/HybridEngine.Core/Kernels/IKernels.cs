namespace HybridEngine.Core;

/// <summary>The kernel contract: every operation that a backend offers. One instance is one stream on one device.</summary>
/// <remarks>
/// A call enqueues work and returns (a CPU backend runs at once); calls of one instance run in order; only <see cref="IDeviceMemory.Download"/> and
/// <see cref="IDeviceMemory.Synchronize"/> wait. Lengths, block tables, positions, counters and sampled ids are tensors on the device.
/// Shapes are checked at the door (<see cref="Contract"/>): a wrong one throws <see cref="ArgumentException"/> that names the argument, before anything is written.
/// Sizes of 0 rows are allowed and do nothing. Unless stated, all tensors are float32, matrices are row-major with contiguous rows (any row stride),
/// outputs are overwritten and must not overlap inputs. Summation orders are fixed by docs/numerics.md. Not thread-safe.
/// </remarks>
public interface IKernels : IDeviceMemory, ILinearKernels, IEmbeddingKernels, INormKernels, IPositionKernels, IAttentionKernels, IActivationKernels,
    IExpertKernels, IHeadKernels, ISamplingKernels, IOptimizerKernels, IConversionKernels, IDisposable
{
    /// <summary>Name and variant for people, such as <c>cpu (avx512, 2 threads)</c>.</summary>
    string Description { get; }

    /// <summary>Identifies the summation orders in float32; results of two runs are comparable bit for bit only when it is equal.</summary>
    string NumericVariant { get; }

    /// <summary>As <see cref="NumericVariant"/> (which it is for float32), for products in an arithmetic.</summary>
    string VariantOf(Arithmetic arithmetic);

    /// <summary>Whether products in an arithmetic are faster here than in float32, so that a choice left to the engine falls on it.</summary>
    bool Pays(Arithmetic arithmetic);
}
