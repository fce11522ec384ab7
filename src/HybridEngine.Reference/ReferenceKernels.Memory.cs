using System.Runtime.InteropServices;
using HybridEngine.Core;

namespace HybridEngine.Reference;

public sealed unsafe partial class ReferenceKernels
{
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
        MemoryMarshal.AsBytes(source).CopyTo(Bytes(destination));
    }

    /// <inheritdoc />
    public void Download<T>(Tensor source, Span<T> destination) where T : unmanaged
    {
        Contract.Transfer(Device, source, nameof(source), destination.Length, sizeof(T));
        Bytes(source).CopyTo(MemoryMarshal.AsBytes(destination));
    }

    /// <inheritdoc />
    public void Copy(Tensor source, Tensor destination)
    {
        Contract.Copy(Device, source, destination);
        if (source.Count == 0) { return; }
        if (source.Rank == 0)
        {
            Bytes(source).CopyTo(Bytes(destination));
            return;
        }

        for (long r = 0; r < source.Shape[0]; r++) { Bytes(source.Rows(r, 1)).CopyTo(Bytes(destination.Rows(r, 1))); }
    }

    /// <inheritdoc />
    public void Zero(Tensor tensor)
    {
        Contract.Zero(Device, tensor);
        if (tensor.Count == 0) { return; }
        if (tensor.IsContiguous)
        {
            NativeMemory.Clear((void*)tensor.Address, (nuint)tensor.DType.Bytes(tensor.Count));
            return;
        }

        for (long r = 0; r < tensor.Shape[0]; r++) { Bytes(tensor.Rows(r, 1)).Clear(); }
    }

    /// <inheritdoc />
    public void Synchronize() { }

    private static Span<byte> Bytes(Tensor dense) => new((void*)dense.Address, checked((int)dense.DType.Bytes(dense.Count)));
}
