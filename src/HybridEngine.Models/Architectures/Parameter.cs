using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>One trainable tensor on the device: a weight matrix in the backend's layout or a vector, with its gradient while a model is trained.</summary>
/// <remarks>
/// Projections that read the same input (query, key and value; gate and up) are one parameter, so that one product serves them; <see cref="Bindings"/> lists the
/// checkpoint's tensors inside it, from the first row on.
/// </remarks>
public sealed class Parameter : IDisposable
{
    private readonly IKernels _kernels;

    /// <summary>A parameter without memory, until <see cref="Allocate"/> or a <c>Set</c>.</summary>
    /// <param name="kernels">Where it lives.</param>
    /// <param name="bindings">The checkpoint's tensors in it, in order of rows; all matrices of equal width or all vectors.</param>
    public Parameter(IKernels kernels, params IReadOnlyList<ParameterBinding> bindings)
    {
        (_kernels, Bindings) = (kernels, bindings);
        Name = string.Join("+", bindings.Select(b => b.TensorName).Distinct());
        Rows = bindings.Sum(b => b.Rows);
        Columns = bindings[0].Columns;
        if (bindings.Any(b => b.Columns != Columns || b.IsVector != bindings[0].IsVector))
        {
            throw new ArgumentException($"{Name}: parts of one parameter must have equal widths.", nameof(bindings));
        }

    }

    /// <summary>The checkpoint's tensors in this parameter, in order of rows.</summary>
    public IReadOnlyList<ParameterBinding> Bindings { get; }

    /// <summary>The first of <see cref="Bindings"/>: role and layer of the whole.</summary>
    public ParameterBinding Binding => Bindings[0];

    /// <summary>Unique within a model: the names in the checkpoint, joined by '+' when there are several.</summary>
    public string Name { get; }

    /// <summary>Rows of the whole (its length for vectors).</summary>
    public int Rows { get; }

    /// <summary>Columns; 1 for vectors.</summary>
    public int Columns { get; }

    /// <summary>True for biases and norm weights.</summary>
    public bool IsVector => Bindings[0].IsVector;

    /// <summary>The matrix, or null for vectors (and while the memory is given back).</summary>
    public WeightMatrix? Matrix { get; private set; }

    /// <summary>All elements, flat, in the backend's layout (padding included): what element-wise kernels work on. Empty while the memory is given back.</summary>
    public Tensor Value { get; private set; }

    /// <summary>The gradient as a matrix in the layout of <see cref="Matrix"/>; null for vectors and while there is none.</summary>
    public WeightMatrix? GradientMatrix { get; private set; }

    /// <summary>The gradient, flat, element by element beside <see cref="Value"/>; empty while there is none.</summary>
    public Tensor Gradient { get; private set; }

    /// <summary>What the elements are: float32, or the narrower type of a compact weight, which only the forward reads.</summary>
    public DType DType => Matrix?.DType ?? DType.Float32;

    /// <summary>Makes a zero gradient if there is none. A compact weight becomes a float32 one, of the same values.</summary>
    public void AllocateGradient()
    {
        Widen();
        if (Gradient.IsEmpty) { (GradientMatrix, Gradient) = Create(); }
    }

    /// <summary>Gives the gradient's memory back.</summary>
    public void ReleaseGradient()
    {
        Gradient.Memory?.Dispose();
        (GradientMatrix, Gradient) = (null, default);
    }

    /// <summary>Gives the memory of the elements back; nothing can read them until they are set again.</summary>
    public void Release()
    {
        Value.Memory?.Dispose();
        (Matrix, Value) = (null, default);
    }

    /// <summary>Makes room for the elements, all zero, where there is none of this type.</summary>
    public void Allocate(DType dtype = DType.Float32)
    {
        if (Value.Memory is not null && DType == dtype) { return; }
        Release();
        if (dtype == DType.Float32)
        {
            (Matrix, Value) = Create();
            return;
        }

        Matrix = _kernels.CreateWeight(Rows, Columns, dtype);
        Value = Matrix.Storage;
    }

    /// <summary>Makes a compact weight a float32 one of the same values: whatever is computed with it keeps its bits.</summary>
    public void Widen()
    {
        if (DType == DType.Float32) { return; }
        Tensor staging = _kernels.Allocate(DType.Float32, Rows, Columns);
        _kernels.Unpack(Matrix!, staging);
        WeightMatrix wide = _kernels.CreateWeight(Rows, Columns);
        _kernels.Pack(staging, wide);
        _kernels.Synchronize();
        staging.Memory!.Dispose();
        Release();
        (Matrix, Value) = (wide, wide.Storage);
    }

    /// <summary>Sets all elements from row-major [Rows, Columns] of a narrow type, and keeps them in it.</summary>
    /// <param name="dtype">One that the backend makes weights of (<see cref="ILinearKernels.CanCreateWeight"/>).</param>
    /// <param name="rowMajor">Its bytes.</param>
    public void SetStored(DType dtype, ReadOnlySpan<byte> rowMajor)
    {
        Allocate(dtype);
        Tensor staging = _kernels.Allocate(dtype, Rows, Columns);
        _kernels.Upload(rowMajor, new Tensor(staging.Memory!, DType.UInt8, new Shape(rowMajor.Length)));
        _kernels.Pack(staging, Matrix!);
        _kernels.Synchronize();
        staging.Memory!.Dispose();
    }

    /// <summary>A zero tensor of this parameter's layout, for optimizer moments and averages: the matrix (null for vectors) and its flat elements.</summary>
    public (WeightMatrix? Matrix, Tensor Flat) Create()
    {
        if (Bindings[0].IsVector) { return (null, _kernels.Allocate(DType.Float32, Rows)); }
        WeightMatrix matrix = _kernels.CreateWeight(Rows, Columns);
        return (matrix, matrix.Storage);
    }

    /// <summary>Sets all elements from row-major [Rows, Columns].</summary>
    public void Set(ReadOnlySpan<float> rowMajor)
    {
        Allocate();
        Set(Matrix, Value, rowMajor);
    }

    /// <summary>Sets a companion made by <see cref="Create"/> from row-major [Rows, Columns].</summary>
    public void Set(WeightMatrix? matrix, Tensor flat, ReadOnlySpan<float> rowMajor)
    {
        if (rowMajor.Length != (long)Rows * Columns) { throw new ArgumentException($"{Name}: {rowMajor.Length} values, expected {Rows} x {Columns}.", nameof(rowMajor)); }
        if (matrix is null)
        {
            _kernels.Upload(rowMajor, flat);
            return;
        }

        Tensor staging = _kernels.Allocate(DType.Float32, Rows, Columns);
        _kernels.Upload(rowMajor, staging);
        _kernels.Pack(staging, matrix);
        _kernels.Synchronize();
        staging.Memory!.Dispose();
    }

    /// <summary>All elements, row-major [Rows, Columns].</summary>
    public float[] ToArray() => ToArray(Matrix, Value);

    /// <summary>The gradient, row-major [Rows, Columns].</summary>
    public float[] GradientToArray() => ToArray(GradientMatrix, Gradient);

    /// <summary>A companion made by <see cref="Create"/>, row-major [Rows, Columns].</summary>
    public float[] ToArray(WeightMatrix? matrix, Tensor flat)
    {
        float[] values = new float[(long)Rows * Columns];
        if (matrix is null)
        {
            _kernels.Download(flat, values.AsSpan());
            return values;
        }

        Tensor staging = _kernels.Allocate(DType.Float32, Rows, Columns);
        _kernels.Unpack(matrix, staging);
        _kernels.Download(staging, values.AsSpan());
        staging.Memory!.Dispose();
        return values;
    }

    /// <summary>The rows of one of <see cref="Bindings"/> within an array of <see cref="ToArray()"/>.</summary>
    public Span<float> Part(float[] rowMajor, ParameterBinding binding)
    {
        int row = 0;
        foreach (ParameterBinding part in Bindings)
        {
            if (part == binding) { return rowMajor.AsSpan(row * Columns, part.Rows * Columns); }
            row += part.Rows;
        }

        throw new ArgumentException($"{Name} does not hold {binding.Role} of layer {binding.Layer}.", nameof(binding));
    }

    /// <inheritdoc />
    public void Dispose()
    {
        ReleaseGradient();
        Value.Memory?.Dispose();
    }

    /// <summary>Name and extents.</summary>
    public override string ToString() => IsVector ? $"{Name} [{Rows}]" : $"{Name} [{Rows}, {Columns}]";
}
