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

/// <summary>The same for families that take minutes in the emulator.</summary>
public sealed class CudaAtLength : IBackend
{
    public static string? WhyMissing => Environment.GetEnvironmentVariable("HE_LONG_TESTS") == "1" ? EmulatedDriver.WhyMissing : "takes minutes in the emulator: set HE_LONG_TESTS=1";

    public static IKernels Open(int threads) => new CudaKernels();
}

public sealed class CudaMemory : MemoryContract<CudaBackend>;
public sealed class CudaPosition : PositionContract<CudaBackend>;
public sealed class CudaLinear : LinearContract<CudaBackend>;
public sealed class CudaLinearInvariance : LinearInvarianceContract<CudaBackend>;
public sealed class CudaEmbedding : EmbeddingContract<CudaBackend>;
public sealed class CudaNorm : NormContract<CudaBackend>;
public sealed class CudaActivation : ActivationContract<CudaBackend>;
public sealed class CudaAttention : AttentionContract<CudaAtLength>;
public sealed class CudaAttentionInvariance : AttentionInvarianceContract<CudaAtLength>;
public sealed class CudaOptimizer : OptimizerContract<CudaBackend>;
public sealed class CudaSampling : SamplingContract<CudaAtLength>;
public sealed class CudaSamplingGolden : SamplingGoldenContract<CudaAtLength>;
public sealed class CudaHead : HeadContract<CudaAtLength>;
public sealed class CudaHeadInvariance : HeadInvarianceContract<CudaAtLength>;
public sealed class CudaExpert : ExpertContract<CudaBackend>;
