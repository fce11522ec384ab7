namespace HybridEngine.Native;

/// <summary>How <see cref="NativeKernels"/> runs.</summary>
public sealed record NativeOptions
{
    /// <summary>Instruction set: "scalar", "avx2" or "avx512"; null takes the environment's <c>HE_ISA</c>, else the best of this CPU. All give the same bits.</summary>
    public string? InstructionSet { get; init; }

    /// <summary>
    /// Engine of bf16 products: "fma", "dot" (AVX-512 BF16), "amx", or "amx_emulated" (the matrix unit in plain C++, for tests); null takes the environment's <c>HE_MATRIX</c>, else the
    /// one that pays on this CPU. Each has an order of sums of its own, named by <see cref="NativeKernels.VariantOf"/>.
    /// </summary>
    public string? MatrixEngine { get; init; }

    /// <summary>Threads, the calling one included; 0 takes the CPUs that this process may use.</summary>
    public int Threads { get; init; }
}
