using HybridEngine.Core;
using HybridEngine.Cuda;
using HybridEngine.Testing;

namespace HybridEngine.Kernels.Tests;

/// <summary>The CUDA kernels: in the emulator, through the driver of native/cuda/driver; or on the GPU of the driver that HE_CUDA_DRIVER names.</summary>
public sealed class CudaBackend : IBackend
{
    public static string? WhyMissing => EmulatedDriver.WhyMissing;

    public static IKernels Open(int threads) => new CudaKernels();
}

public sealed class CudaMemory : MemoryContract<CudaBackend>;
public sealed class CudaPosition : PositionContract<CudaBackend>;
public sealed class CudaLinear : LinearContract<CudaBackend>;
public sealed class CudaLinearInvariance : LinearInvarianceContract<CudaBackend>;
public sealed class CudaEmbedding : EmbeddingContract<CudaBackend>;
public sealed class CudaNorm : NormContract<CudaBackend>;
public sealed class CudaActivation : ActivationContract<CudaBackend>;
public sealed class CudaAttention : AttentionContract<CudaBackend>;
public sealed class CudaAttentionInvariance : AttentionInvarianceContract<CudaBackend>;
public sealed class CudaOptimizer : OptimizerContract<CudaBackend>;
public sealed class CudaSampling : SamplingContract<CudaBackend>;
public sealed class CudaSamplingGolden : SamplingGoldenContract<CudaBackend>;
public sealed class CudaHead : HeadContract<CudaBackend>;
public sealed class CudaHeadInvariance : HeadInvarianceContract<CudaBackend>;
