using System.Runtime.InteropServices;
using HybridEngine.Core;
using ManagedCuda.BasicTypes;
using Driver = ManagedCuda.DriverAPINativeMethods;

namespace HybridEngine.Cuda;

public sealed unsafe partial class CudaKernels
{
    // Bytes whose count fits an int whatever the elements are.
    private const int LongestPiece = 1 << 30;

    /// <inheritdoc />
    public DeviceKind Device => DeviceKind.Cuda;

    /// <inheritdoc />
    public Tensor Allocate(DType dtype, params ReadOnlySpan<long> extents)
    {
        Shape shape = new(extents);
        CudaMemory memory = _allocator.Take(dtype.Bytes(shape.Count));
        if (memory.Bytes > 0)
        {
            _device.MakeCurrent();
            Driver.MemsetAsync.cuMemsetD8Async(Pointer(memory.Address), 0, memory.Bytes, _device.Stream).Check("clearing of memory");
        }

        return new Tensor(memory, dtype, shape);
    }

    /// <inheritdoc />
    public void Upload<T>(ReadOnlySpan<T> source, Tensor destination) where T : unmanaged
    {
        Contract.Transfer(Device, destination, nameof(destination), source.Length, sizeof(T));
        nint at = At(destination);
        int piece = LongestPiece / sizeof(T);
        for (; source.Length > 0; source = source[Math.Min(piece, source.Length)..], at += (nint)piece * sizeof(T))
        {
            _staging.Upload(MemoryMarshal.AsBytes(source[..Math.Min(piece, source.Length)]), at);
        }
    }

    /// <inheritdoc />
    public void Download<T>(Tensor source, Span<T> destination) where T : unmanaged
    {
        Contract.Transfer(Device, source, nameof(source), destination.Length, sizeof(T));
        if (destination.Length == 0) { _device.Synchronize(); }
        nint at = At(source);
        int piece = LongestPiece / sizeof(T);
        for (; destination.Length > 0; destination = destination[Math.Min(piece, destination.Length)..], at += (nint)piece * sizeof(T))
        {
            _staging.Download(at, MemoryMarshal.AsBytes(destination[..Math.Min(piece, destination.Length)]));
        }
    }

    /// <inheritdoc />
    public void Copy(Tensor source, Tensor destination)
    {
        Contract.Copy(Device, source, destination);
        if (source.Count == 0) { return; }
        (nint from, nint to) = (At(source), At(destination));
        if (from == to) { return; }
        _device.MakeCurrent();
        if (source.IsContiguous && destination.IsContiguous)
        {
            Driver.AsynchronousMemcpy_v2.cuMemcpyDtoDAsync_v2(Pointer(to), Pointer(from), source.DType.Bytes(source.Count), _device.Stream).Check("copy on the device");
        }
        else { CopyRows(from, Pitch(source), to, Pitch(destination), source.DType.Bytes(source.Count / source.Shape[0]), source.Shape[0]); }
    }

    /// <inheritdoc />
    public void Zero(Tensor tensor)
    {
        Contract.Zero(Device, tensor);
        if (tensor.Count == 0) { return; }
        _device.MakeCurrent();
        CUdeviceptr to = Pointer(At(tensor));
        if (tensor.IsContiguous) { Driver.MemsetAsync.cuMemsetD8Async(to, 0, tensor.DType.Bytes(tensor.Count), _device.Stream).Check("clearing of memory"); }
        else { Driver.MemsetAsync.cuMemsetD2D8Async(to, Pitch(tensor), 0, tensor.DType.Bytes(tensor.Count / tensor.Shape[0]), tensor.Shape[0], _device.Stream).Check("clearing of memory"); }
    }

    /// <inheritdoc />
    public void Synchronize() => _device.Synchronize();

    private static CUdeviceptr Pointer(nint address) => new((long)address);

    // Bytes from one row (everything behind the outermost dimension, which is dense) to the next.
    private static long Pitch(Tensor t) => t.Strides[0] / t.DType.BlockLength() * t.DType.BlockBytes();

    private void CopyRows(nint from, long fromPitch, nint to, long toPitch, long bytes, long rows)
    {
        // A single row may have any stride, even one less than its width.
        CUDAMemCpy2D copy = new()
        {
            srcMemoryType = CUMemoryType.Device, srcDevice = Pointer(from), srcPitch = rows == 1 ? bytes : fromPitch,
            dstMemoryType = CUMemoryType.Device, dstDevice = Pointer(to), dstPitch = rows == 1 ? bytes : toPitch,
            WidthInBytes = bytes, Height = rows,
        };
        Driver.AsynchronousMemcpy_v2.cuMemcpy2DAsync_v2(ref copy, _device.Stream).Check("copy on the device");
    }
}
