using HybridEngine.Core;

namespace HybridEngine.Kernels.Tests;

/// <summary>The native library, instruction set "scalar".</summary>
public sealed class ScalarBackend : IBackend
{
    public static string? WhyMissing => NativeIsa.WhyMissing("scalar");

    public static IKernels Open(int threads) => NativeIsa.Open("scalar", threads);
}

public sealed class ScalarMemory : MemoryContract<ScalarBackend>;
public sealed class ScalarLinear : LinearContract<ScalarBackend>;
public sealed class ScalarLinearInvariance : LinearInvarianceContract<ScalarBackend>;
public sealed class ScalarEmbedding : EmbeddingContract<ScalarBackend>;
public sealed class ScalarNorm : NormContract<ScalarBackend>;
public sealed class ScalarPosition : PositionContract<ScalarBackend>;
public sealed class ScalarActivation : ActivationContract<ScalarBackend>;
public sealed class ScalarAttention : AttentionContract<ScalarBackend>;
public sealed class ScalarAttentionInvariance : AttentionInvarianceContract<ScalarBackend>;
public sealed class ScalarHead : HeadContract<ScalarBackend>;
public sealed class ScalarHeadInvariance : HeadInvarianceContract<ScalarBackend>;
public sealed class ScalarSampling : SamplingContract<ScalarBackend>;
public sealed class ScalarSamplingGolden : SamplingGoldenContract<ScalarBackend>;
public sealed class ScalarExpert : ExpertContract<ScalarBackend>;
public sealed class ScalarOptimizer : OptimizerContract<ScalarBackend>;
public sealed class ScalarConversion : ConversionContract<ScalarBackend>;
public sealed class ScalarCompact : CompactContract<ScalarBackend>;
public sealed class ScalarBFloat16 : BFloat16Contract<ScalarBackend>;
public sealed class ScalarInt8 : Int8Contract<ScalarBackend>;
