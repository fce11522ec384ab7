namespace HybridEngine.Core;

/// <summary>A view of device memory: element type, shape, strides, first element. A value; owns nothing and allocates nothing.</summary>
/// <remarks>The default value stands for "no tensor" (<see cref="IsEmpty"/>), which optional kernel arguments use.</remarks>
public readonly unsafe struct Tensor
{
    /// <summary>A dense row-major view from element <paramref name="offset"/> on.</summary>
    public Tensor(DeviceMemory memory, DType dtype, Shape shape, long offset = 0) : this(memory, dtype, shape, shape.RowMajorStrides(), offset) { }

    /// <summary>A view with its own strides (in elements).</summary>
    /// <exception cref="ArgumentException">The view reaches beyond the memory.</exception>
    public Tensor(DeviceMemory memory, DType dtype, Shape shape, Shape strides, long offset)
    {
        (Memory, DType, Shape, Strides, Offset) = (memory, dtype, shape, strides, offset);
        long last = offset;
        bool any = true;
        for (int i = 0; i < shape.Rank; i++)
        {
            any &= shape[i] > 0;
            last += (shape[i] - 1) * strides[i];
        }

        int block = dtype.BlockLength();
        if (any && (offset < 0 || dtype.Bytes((last + block) / block * block) > memory.Bytes))
        {
            throw new ArgumentException($"A view {shape} of {dtype} from element {offset} reaches beyond the {memory.Bytes} bytes of its memory.", nameof(shape));
        }
    }

    /// <summary>The allocation; null for the default value.</summary>
    public DeviceMemory? Memory { get; }

    /// <summary>Element type.</summary>
    public DType DType { get; }

    /// <summary>Extents, outermost first.</summary>
    public Shape Shape { get; }

    /// <summary>Elements from one index to the next, per dimension.</summary>
    public Shape Strides { get; }

    /// <summary>First element, counted from the start of the memory.</summary>
    public long Offset { get; }

    /// <summary>True for the default value: "not given".</summary>
    public bool IsEmpty => Memory is null;

    /// <summary>Number of dimensions.</summary>
    public int Rank => Shape.Rank;

    /// <summary>Number of elements.</summary>
    public long Count => Shape.Count;

    /// <summary>True when the elements lie one after another in row-major order.</summary>
    public bool IsContiguous
    {
        get
        {
            long n = 1;
            for (int i = Rank - 1; i >= 0; i--)
            {
                if (Shape[i] != 1 && Strides[i] != n) { return false; }
                n *= Shape[i];
            }

            return true;
        }
    }

    /// <summary>Address of the first element, in the device's address space.</summary>
    /// <exception cref="ObjectDisposedException">The memory was given back.</exception>
    public nint Address
    {
        get
        {
            DeviceMemory m = Memory ?? throw new InvalidOperationException("The tensor is empty.");
            ObjectDisposedException.ThrowIf(m.IsDisposed, m);
            return m.Address + (nint)(Offset / DType.BlockLength() * DType.BlockBytes());
        }
    }

    /// <summary>The sub-range <c>[start, start + length)</c> of dimension <paramref name="dimension"/>.</summary>
    public Tensor Slice(int dimension, long start, long length)
    {
        if (start < 0 || length < 0 || start + length > Shape[dimension])
        {
            throw new ArgumentOutOfRangeException(nameof(start), $"[{start}, {start + length}) of dimension {dimension}, which has {Shape[dimension]}");
        }

        return new Tensor(Memory!, DType, Shape.With(dimension, length), Strides, Offset + start * Strides[dimension]);
    }

    /// <summary>Rows <c>[start, start + count)</c>: a slice of the outermost dimension.</summary>
    public Tensor Rows(long start, long count) => Slice(0, start, count);

    /// <summary>The same elements in another shape; the tensor must be contiguous.</summary>
    public Tensor View(params ReadOnlySpan<long> extents)
    {
        Shape shape = new(extents);
        if (!IsContiguous || shape.Count != Count)
        {
            throw new ArgumentException($"{this} cannot be viewed as {shape}.", nameof(extents));
        }

        return new Tensor(Memory!, DType, shape, Offset);
    }

    /// <summary>The elements as a span; host memory, contiguous.</summary>
    public Span<T> AsSpan<T>() where T : unmanaged
    {
        if (Memory is null || Memory.Device != DeviceKind.Host || !IsContiguous)
        {
            throw new InvalidOperationException($"{this} is not contiguous host memory.");
        }

        if (sizeof(T) != DType.BlockBytes())
        {
            throw new InvalidOperationException($"{this} does not hold {typeof(T).Name}.");
        }

        return new Span<T>((void*)Address, checked((int)(Count / DType.BlockLength())));
    }

    /// <summary><c>Float32 [2, 3]</c></summary>
    public override string ToString() => IsEmpty ? "no tensor" : $"{DType} {Shape}{(IsContiguous ? "" : " strided")}";
}
