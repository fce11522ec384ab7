using System.Runtime.InteropServices;
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
    public void Upload<T>(ReadOnlySpan<T> source, Tensor destination) where T : unmanaged
    {
        Contract.Transfer(Device, destination, nameof(destination), source.Length, sizeof(T));
        source.CopyTo(new Span<T>(AddressOf(destination), source.Length));
    }

    /// <inheritdoc />
    public void Download<T>(Tensor source, Span<T> destination) where T : unmanaged
    {
        Contract.Transfer(Device, source, nameof(source), destination.Length, sizeof(T));
        new ReadOnlySpan<T>(AddressOf(source), destination.Length).CopyTo(destination);
    }

    /// <inheritdoc />
    public void Copy(Tensor source, Tensor destination)
    {
        Contract.Copy(Device, source, destination);
        CopyRows(source, destination);
    }

    /// <inheritdoc />
    public void Zero(Tensor tensor)
    {
        Contract.Zero(Device, tensor);
        ZeroRows(tensor);
    }

    /// <inheritdoc />
    public void Synchronize() { }

    private void CopyRows(Tensor source, Tensor destination)
    {
        if (source.Count == 0) { return; }
        if (source.IsContiguous && destination.IsContiguous)
        {
            long bytes = source.DType.Bytes(source.Count);
            Buffer.MemoryCopy(AddressOf(source), AddressOf(destination), bytes, bytes);
            return;
        }

        for (long i = 0; i < source.Shape[0]; i++) { CopyRows(Inner(source, i), Inner(destination, i)); }
    }

    private void ZeroRows(Tensor tensor)
    {
        if (tensor.Count == 0) { return; }
        if (tensor.IsContiguous)
        {
            NativeMemory.Clear(AddressOf(tensor), (nuint)tensor.DType.Bytes(tensor.Count));
            return;
        }

        for (long i = 0; i < tensor.Shape[0]; i++) { ZeroRows(Inner(tensor, i)); }
    }

    // Index i of the outermost dimension, one rank lower.
    private static Tensor Inner(Tensor t, long i)
    {
        Span<long> extents = stackalloc long[t.Rank - 1], strides = stackalloc long[t.Rank - 1];
        for (int d = 1; d < t.Rank; d++) { (extents[d - 1], strides[d - 1]) = (t.Shape[d], t.Strides[d]); }
        return new Tensor(t.Memory!, t.DType, new Shape(extents), new Shape(strides), t.Offset + i * t.Strides[0]);
    }
}
