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

    /// <summary>A parameter without memory, until <see cref="Allocate(WeightForm)"/> or a <c>Set</c>.</summary>
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

    /// <summary>What products read; null for vectors (and while the memory is given back).</summary>
    public WeightMatrix? Matrix { get; private set; }

    /// <summary>The float32 master of a bf16 <see cref="Matrix"/> that is (or will be) trained; else null.</summary>
    public WeightMatrix? Master { get; private set; }

    /// <summary>All elements, flat, in the backend's layout (padding included): what element-wise kernels work on, the master's where there is one. Empty while the memory is given back.
    /// Whoever writes them in place calls <see cref="Written"/>.</summary>
    public Tensor Value { get; private set; }

    /// <summary>The gradient as a matrix in the layout of <see cref="Value"/>; null for vectors and while there is none.</summary>
    public WeightMatrix? GradientMatrix { get; private set; }

    /// <summary>The gradient, flat, element by element beside <see cref="Value"/>; empty while there is none.</summary>
    public Tensor Gradient { get; private set; }

    /// <summary>How the matrix is kept; float32 for vectors.</summary>
    public WeightForm Form { get; private set; } = WeightForm.Float32;

    /// <summary>What products read: float32, or the narrower type of a compact weight or a compute copy.</summary>
    public DType DType => Form.DType;

    /// <summary>Bytes of elements and master now.</summary>
    public long Bytes => (Value.Memory?.Bytes ?? 0) + (Master is null ? 0 : Matrix!.Storage.Memory!.Bytes);

    /// <summary>Makes a zero gradient if there is none, on what can be trained (<see cref="MakeTrainable"/>).</summary>
    public void AllocateGradient()
    {
        MakeTrainable();
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
        Matrix?.Dispose();
        Value.Memory?.Dispose();
        (Matrix, Master, Value) = (null, null, default);
    }

    /// <summary>Makes room for the elements, all zero, where there is none of this form.</summary>
    public void Allocate() => Allocate(WeightForm.Float32);

    /// <inheritdoc cref="Allocate()" />
    /// <param name="form">How they are kept; vectors are float32 whatever it says.</param>
    public void Allocate(WeightForm form)
    {
        if (IsVector) { form = WeightForm.Float32; }
        if (Value.Memory is not null && Form == form) { return; }
        Release();
        Form = form;
        if (IsVector)
        {
            Value = _kernels.Allocate(DType.Float32, Rows);
            return;
        }

        Matrix = _kernels.CreateWeight(Rows, Columns, form.DType, form.Arithmetic);
        Master = form.HasMaster ? _kernels.CreateWeight(Rows, Columns, DType.Float32, form.Arithmetic) : null;
        Value = (Master ?? Matrix).Storage;
    }

    /// <summary>Makes a narrow weight one that can be trained: a bf16 compute weight gets a float32 master, any other becomes float32. The values are the same; so are the bits of what is computed
    /// with it, but for weights that multiplied activations of 8 bits.</summary>
    public void MakeTrainable()
    {
        if (DType == DType.Float32 || Master is not null) { return; }
        Tensor staging = _kernels.Allocate(DType.Float32, Rows, Columns);
        _kernels.Unpack(Matrix!, staging);
        WeightMatrix wide = _kernels.CreateWeight(Rows, Columns, DType.Float32, TrainedArithmetic);
        _kernels.Pack(staging, wide);
        _kernels.Synchronize();
        staging.Memory!.Dispose();
        if (Form.Arithmetic == Arithmetic.BFloat16)
        {
            (Master, Value, Form) = (wide, wide.Storage, Form with { HasMaster = true });
            return;
        }

        Release();
        (Matrix, Value, Form) = (wide, wide.Storage, WeightForm.Float32);
    }

    /// <summary>Gives the master of a bf16 weight back, and any gradient: it is only read from now on.</summary>
    public void Freeze()
    {
        ReleaseGradient();
        if (Master is null) { return; }
        Master.Dispose();
        (Master, Value, Form) = (null, Matrix!.Storage, Form with { HasMaster = false });
    }

    /// <summary><see cref="Value"/> has been written in place: the compute copy follows.</summary>
    public void Written()
    {
        if (Master is not null) { _kernels.Narrow(Master, Matrix!); }
    }

    /// <summary>Takes the form and the elements of another parameter of this shape and backend.</summary>
    public void CopyFrom(Parameter other)
    {
        Allocate(other.Form);
        _kernels.Copy(other.Value, Value);
        Written();
    }

    /// <summary>Sets all elements from row-major [Rows, Columns] of a narrow type, and keeps them in it.</summary>
    /// <param name="form">One that the backend makes weights of (<see cref="ILinearKernels.CanCreateWeight"/>), without a master.</param>
    /// <param name="rowMajor">Bytes of its type.</param>
    public void SetStored(WeightForm form, ReadOnlySpan<byte> rowMajor)
    {
        Allocate(form);
        Tensor staging = _kernels.Allocate(form.DType, Rows, Columns);
        _kernels.Upload(rowMajor, new Tensor(staging.Memory!, DType.UInt8, new Shape(rowMajor.Length)));
        _kernels.Pack(staging, Matrix!);
        _kernels.Synchronize();
        staging.Memory!.Dispose();
    }

    /// <summary>A zero float32 tensor of the layout of <see cref="Value"/> in training, for gradients, optimizer moments and averages: the matrix (null for vectors) and its flat elements.</summary>
    public (WeightMatrix? Matrix, Tensor Flat) Create()
    {
        if (IsVector) { return (null, _kernels.Allocate(DType.Float32, Rows)); }
        WeightMatrix matrix = _kernels.CreateWeight(Rows, Columns, DType.Float32, TrainedArithmetic);
        return (matrix, matrix.Storage);
    }

    /// <summary>Sets all elements from row-major [Rows, Columns], as float32.</summary>
    public void Set(ReadOnlySpan<float> rowMajor) => Set(rowMajor, WeightForm.Float32);

    /// <summary>Sets all elements from row-major [Rows, Columns], rounded to a form.</summary>
    /// <param name="rowMajor">The values.</param>
    /// <param name="form">How they are kept.</param>
    public void Set(ReadOnlySpan<float> rowMajor, WeightForm form)
    {
        if (IsVector || form.DType == DType.Float32 || form.HasMaster)
        {
            Allocate(form);
            Set(Master ?? Matrix, Value, rowMajor);
            Written();
            return;
        }

        byte[] bytes = new byte[form.DType.Bytes(rowMajor.Length)];
        StoredType.Of(form.DType).Encode(rowMajor, bytes);
        SetStored(form, bytes);
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

    /// <summary>All elements, row-major [Rows, Columns]: the master's where there is one.</summary>
    public float[] ToArray() => ToArray(Master ?? Matrix, Value);

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
        Matrix?.Dispose();
        Value.Memory?.Dispose();
    }

    // Gradients and masters of a bf16 weight say so; a weight with 8-bit activations is trained in float32.
    private Arithmetic TrainedArithmetic => Form.Arithmetic == Arithmetic.BFloat16 ? Arithmetic.BFloat16 : Arithmetic.Float32;

    /// <summary>Name and extents.</summary>
    public override string ToString() => IsVector ? $"{Name} [{Rows}]" : $"{Name} [{Rows}, {Columns}]";
}
