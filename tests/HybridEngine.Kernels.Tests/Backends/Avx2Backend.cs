using HybridEngine.Core;

namespace HybridEngine.Kernels.Tests;

/// <summary>The native library, instruction set "avx2".</summary>
public sealed class Avx2Backend : IBackend
{
    public static string? WhyMissing => NativeIsa.WhyMissing("avx2");

    public static IKernels Open(int threads) => NativeIsa.Open("avx2", threads);
}

public sealed class Avx2Memory : MemoryContract<Avx2Backend>;
public sealed class Avx2Linear : LinearContract<Avx2Backend>;
public sealed class Avx2LinearInvariance : LinearInvarianceContract<Avx2Backend>;
public sealed class Avx2Embedding : EmbeddingContract<Avx2Backend>;
public sealed class Avx2Norm : NormContract<Avx2Backend>;
public sealed class Avx2Position : PositionContract<Avx2Backend>;
public sealed class Avx2Activation : ActivationContract<Avx2Backend>;
public sealed class Avx2Attention : AttentionContract<Avx2Backend>;
public sealed class Avx2AttentionInvariance : AttentionInvarianceContract<Avx2Backend>;
public sealed class Avx2Head : HeadContract<Avx2Backend>;
public sealed class Avx2HeadInvariance : HeadInvarianceContract<Avx2Backend>;
public sealed class Avx2Sampling : SamplingContract<Avx2Backend>;
public sealed class Avx2SamplingGolden : SamplingGoldenContract<Avx2Backend>;
public sealed class Avx2Expert : ExpertContract<Avx2Backend>;
public sealed class Avx2Optimizer : OptimizerContract<Avx2Backend>;
public sealed class Avx2Conversion : ConversionContract<Avx2Backend>;
public sealed class Avx2Compact : CompactContract<Avx2Backend>;
public sealed class Avx2BFloat16 : BFloat16Contract<Avx2Backend>;
public sealed class Avx2Int8 : Int8Contract<Avx2Backend>;
