namespace HybridEngine.Core;

/// <summary>Checks of kernel arguments, shared by all backends: each throws <see cref="ArgumentException"/> naming the argument, what was found and what was expected.</summary>
/// <remarks>One partial file per kernel family (Contract.Linear.cs, ...) holds that family's checks; a backend's method starts with the matching one.</remarks>
public static partial class Contract
{
    /// <summary>Requires a tensor of this type and shape; a negative extent matches any.</summary>
    public static void Require(Tensor tensor, string name, DType dtype, params ReadOnlySpan<long> shape)
    {
        if (tensor.IsEmpty) { throw new ArgumentException($"{name} is missing, expected {dtype} {Describe(shape)}.", name); }
        bool ok = tensor.DType == dtype && tensor.Rank == shape.Length;
        for (int i = 0; ok && i < shape.Length; i++) { ok = shape[i] < 0 || tensor.Shape[i] == shape[i]; }
        if (!ok) { throw new ArgumentException($"{name} is {tensor}, expected {dtype} {Describe(shape)}.", name); }
        if (tensor.Rank > 0 && tensor.Shape[-1] > 1 && tensor.Strides[-1] != 1)
        {
            throw new ArgumentException($"{name} is {tensor}, expected its innermost dimension to be contiguous.", name);
        }
    }

    /// <summary>As <see cref="Require(Tensor, string, DType, ReadOnlySpan{long})"/>, but the tensor may be missing.</summary>
    public static void RequireOptional(Tensor tensor, string name, DType dtype, params ReadOnlySpan<long> shape)
    {
        if (!tensor.IsEmpty) { Require(tensor, name, dtype, shape); }
    }

    /// <summary>Requires dense row-major storage.</summary>
    public static void RequireContiguous(Tensor tensor, string name)
    {
        if (!tensor.IsEmpty && !tensor.IsContiguous) { throw new ArgumentException($"{name} is {tensor}, expected contiguous rows.", name); }
    }

    private static string Describe(ReadOnlySpan<long> shape)
    {
        string[] parts = new string[shape.Length];
        for (int i = 0; i < shape.Length; i++) { parts[i] = shape[i] < 0 ? "*" : shape[i].ToString(System.Globalization.CultureInfo.InvariantCulture); }
        return $"[{string.Join(", ", parts)}]";
    }
}
