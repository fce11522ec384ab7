using HybridEngine.Core;

namespace HybridEngine.Kernels.Tests;

/// <summary>The native library, instruction set "avx512".</summary>
public sealed class Avx512Backend : IBackend
{
    public static string? WhyMissing => NativeIsa.WhyMissing("avx512");

    public static IKernels Open(int threads) => NativeIsa.Open("avx512", threads);
}

public sealed class Avx512Memory : MemoryContract<Avx512Backend>;
public sealed class Avx512Linear : LinearContract<Avx512Backend>;
public sealed class Avx512LinearInvariance : LinearInvarianceContract<Avx512Backend>;
public sealed class Avx512Embedding : EmbeddingContract<Avx512Backend>;
public sealed class Avx512Norm : NormContract<Avx512Backend>;
public sealed class Avx512Position : PositionContract<Avx512Backend>;
public sealed class Avx512Activation : ActivationContract<Avx512Backend>;
public sealed class Avx512Attention : AttentionContract<Avx512Backend>;
public sealed class Avx512AttentionInvariance : AttentionInvarianceContract<Avx512Backend>;
public sealed class Avx512Head : HeadContract<Avx512Backend>;
public sealed class Avx512HeadInvariance : HeadInvarianceContract<Avx512Backend>;
public sealed class Avx512Sampling : SamplingContract<Avx512Backend>;
public sealed class Avx512SamplingGolden : SamplingGoldenContract<Avx512Backend>;
public sealed class Avx512Expert : ExpertContract<Avx512Backend>;
public sealed class Avx512Optimizer : OptimizerContract<Avx512Backend>;
public sealed class Avx512Conversion : ConversionContract<Avx512Backend>;
public sealed class Avx512Compact : CompactContract<Avx512Backend>;
public sealed class Avx512BFloat16 : BFloat16Contract<Avx512Backend>;
public sealed class Avx512Int8 : Int8Contract<Avx512Backend>;
