namespace HybridEngine.Training.Tests;

/// <summary>Which backends compute in narrow types; on the others a test is skipped with the reason.</summary>
public static class Narrow
{
    /// <summary>Bf16 products with keys and values of a type.</summary>
    public static Precision Require(string backend, DType keyValues)
    {
        using IKernels kernels = Backends.Open(backend);
        Skip.IfNot(kernels.CanCreateWeight(DType.BFloat16, 24, Arithmetic.BFloat16), $"{kernels.Description}: no products in bf16");
        try
        {
            kernels.CreateKv(1, 16, 1, 8, keyValues).Dispose();
        }
        catch (UnsupportedException e)
        {
            throw new SkipException(e.Message);
        }

        return Precision.BFloat16 with { KeyValueType = keyValues };
    }
}
