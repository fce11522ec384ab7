using HybridEngine.Core;
using HybridEngine.Reference;

namespace HybridEngine.Kernels.Tests;

/// <summary>The oracle itself: held to hand-made values, to finite differences and to its own promises.</summary>
public sealed class ReferenceBackend : IBackend
{
    public static string? WhyMissing => null;

    public static IKernels Open(int threads) => new ReferenceKernels();
}

public sealed class ReferenceMemory : MemoryContract<ReferenceBackend>;
public sealed class ReferenceLinear : LinearContract<ReferenceBackend>;
public sealed class ReferenceLinearInvariance : LinearInvarianceContract<ReferenceBackend>;
public sealed class ReferenceEmbedding : EmbeddingContract<ReferenceBackend>;
public sealed class ReferenceNorm : NormContract<ReferenceBackend>;
public sealed class ReferencePosition : PositionContract<ReferenceBackend>;
public sealed class ReferenceActivation : ActivationContract<ReferenceBackend>;
public sealed class ReferenceAttention : AttentionContract<ReferenceBackend>;
public sealed class ReferenceAttentionInvariance : AttentionInvarianceContract<ReferenceBackend>;
public sealed class ReferenceHead : HeadContract<ReferenceBackend>;
public sealed class ReferenceHeadInvariance : HeadInvarianceContract<ReferenceBackend>;
public sealed class ReferenceSampling : SamplingContract<ReferenceBackend>;
public sealed class ReferenceSamplingGolden : SamplingGoldenContract<ReferenceBackend>;
public sealed class ReferenceExpert : ExpertContract<ReferenceBackend>;
public sealed class ReferenceOptimizer : OptimizerContract<ReferenceBackend>;
public sealed class ReferenceConversion : ConversionContract<ReferenceBackend>;
public sealed class ReferenceCompact : CompactContract<ReferenceBackend>;
public sealed class ReferenceBFloat16 : BFloat16Contract<ReferenceBackend>;
public sealed class ReferenceInt8 : Int8Contract<ReferenceBackend>;
