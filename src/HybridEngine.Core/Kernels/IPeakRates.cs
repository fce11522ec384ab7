namespace HybridEngine.Core;

/// <summary>A backend that can measure what its arithmetic reaches at most on this machine; beside <see cref="IKernels"/>, for benchmarks.</summary>
public interface IPeakRates
{
    /// <summary>Measures, for a tenth of a second and on all threads of the backend, the instruction that an arithmetic's products are made of.</summary>
    PeakRate Peak(Arithmetic arithmetic);
}

/// <summary>The limit that an instruction sets.</summary>
/// <param name="Instruction">Its name, such as "fma, avx512" or "bf16 dot".</param>
/// <param name="OperationsPerSecond">Of all threads together; a multiply-add counts two.</param>
public readonly record struct PeakRate(string Instruction, double OperationsPerSecond);
