namespace HybridEngine.Native;

/// <summary>How <see cref="NativeKernels"/> runs.</summary>
public sealed record NativeOptions
{
    /// <summary>Instruction set: "scalar", "avx2" or "avx512"; null takes the environment's <c>HE_ISA</c>, else the best of this CPU. All give the same bits.</summary>
    public string? InstructionSet { get; init; }

    /// <summary>Threads, the calling one included; 0 takes the CPUs that this process may use.</summary>
    public int Threads { get; init; }
}
