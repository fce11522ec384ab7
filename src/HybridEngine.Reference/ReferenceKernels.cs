using HybridEngine.Core;

namespace HybridEngine.Reference;

/// <summary>The kernel contract in plain C# loops over host memory, sums in float64: the oracle of every test, and the engine where no native library loads.</summary>
/// <remarks>
/// Batch invariance holds by construction: a row of the output is computed alone, by the same statements, whatever stands beside it. Weights are row-major float32.
/// One partial file a family. Rounding to float32 happens once, at the end of each sum.
/// </remarks>
public sealed partial class ReferenceKernels : IKernels
{
    /// <inheritdoc />
    public string Description => $"reference (C#, float64 sums, {Environment.ProcessorCount} threads)";

    /// <inheritdoc />
    public string NumericVariant => "reference-f64-v1";

    /// <inheritdoc />
    public string VariantOf(Arithmetic arithmetic) => arithmetic switch
    {
        Arithmetic.BFloat16 => "reference-bf16-v1",
        Arithmetic.Int8 => "reference-int8-v1",
        _ => NumericVariant,
    };

    /// <inheritdoc />
    public bool Pays(Arithmetic arithmetic) => arithmetic == Arithmetic.Float32;

    /// <inheritdoc />
    public DeviceKind Device => DeviceKind.Host;

    /// <inheritdoc />
    public void Dispose() { }
}
