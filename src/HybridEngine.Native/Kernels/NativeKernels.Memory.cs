using HybridEngine.Core;

namespace HybridEngine.Native;

public sealed unsafe partial class NativeKernels
{
    /// <inheritdoc />
    public DeviceKind Device => DeviceKind.Host;

    /// <inheritdoc />
    public Tensor Allocate(DType dtype, params ReadOnlySpan<long> extents)
    {
        Shape shape = new(extents);
        return new Tensor(HostMemory.Allocate(dtype.Bytes(shape.Count)), dtype, shape);
    }

    /// <inheritdoc />
    public void Upload<T>(ReadOnlySpan<T> source, Tensor destination) where T : unmanaged => source.CopyTo(HostBytes<T>(destination, nameof(destination), source.Length));

    /// <inheritdoc />
    public void Download<T>(Tensor source, Span<T> destination) where T : unmanaged => HostBytes<T>(source, nameof(source), destination.Length).CopyTo(destination);

    /// <inheritdoc />
    public void Copy(Tensor source, Tensor destination)
    {
        if (source.DType != destination.DType || source.Shape != destination.Shape)
        {
            throw new ArgumentException($"destination is {destination}, expected {source.DType} {source.Shape}.", nameof(destination));
        }

        if (source.Count == 0) { return; }
        if (source.IsContiguous && destination.IsContiguous)
        {
            long bytes = source.DType.Bytes(source.Count);
            Buffer.MemoryCopy((void*)source.Address, (void*)destination.Address, bytes, bytes);
            return;
        }

        for (long i = 0; i < source.Shape[0]; i++) { Copy(Inner(source, i), Inner(destination, i)); }
    }

    /// <inheritdoc />
    public void Zero(Tensor tensor)
    {
        if (tensor.Count == 0) { return; }
        if (tensor.IsContiguous)
        {
            System.Runtime.InteropServices.NativeMemory.Clear((void*)tensor.Address, (nuint)tensor.DType.Bytes(tensor.Count));
            return;
        }

        for (long i = 0; i < tensor.Shape[0]; i++) { Zero(Inner(tensor, i)); }
    }

    /// <inheritdoc />
    public void Synchronize() { }

    // Index i of the outermost dimension, one rank lower.
    private static Tensor Inner(Tensor t, long i)
    {
        Span<long> extents = stackalloc long[t.Rank - 1], strides = stackalloc long[t.Rank - 1];
        for (int d = 1; d < t.Rank; d++) { (extents[d - 1], strides[d - 1]) = (t.Shape[d], t.Strides[d]); }
        return new Tensor(t.Memory!, t.DType, new Shape(extents), new Shape(strides), t.Offset + i * t.Strides[0]);
    }

    // A contiguous tensor as host elements; checks that the host side holds exactly as many bytes.
    private static Span<T> HostBytes<T>(Tensor tensor, string name, int count) where T : unmanaged
    {
        if (!tensor.IsContiguous) { throw new ArgumentException($"{name} is {tensor}, expected contiguous.", name); }
        long bytes = tensor.DType.Bytes(tensor.Count);
        if (bytes != (long)count * sizeof(T))
        {
            throw new ArgumentException($"{name} is {tensor} ({bytes} bytes), the host side has {count} {typeof(T).Name} ({(long)count * sizeof(T)} bytes).", name);
        }

        return new Span<T>((void*)tensor.Address, count);
    }
}
