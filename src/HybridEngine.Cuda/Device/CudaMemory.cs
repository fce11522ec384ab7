using HybridEngine.Core;

namespace HybridEngine.Cuda;

/// <summary>One allocation on a GPU; given back to the allocator of its device, which keeps it for the next one.</summary>
internal sealed class CudaMemory : DeviceMemory
{
    private readonly CudaAllocator _allocator;
    private readonly long _capacity;

    /// <param name="allocator">Who gets it back.</param>
    /// <param name="address">First byte.</param>
    /// <param name="bytes">Length asked for.</param>
    /// <param name="capacity">Length taken from the driver.</param>
    internal CudaMemory(CudaAllocator allocator, nint address, long bytes, long capacity) : base(DeviceKind.Cuda, address, bytes) => (_allocator, _capacity) = (allocator, capacity);

    /// <summary>Gives back what nobody disposed.</summary>
    ~CudaMemory() => _allocator.Return(Address, _capacity);

    /// <inheritdoc />
    protected override void Free() => _allocator.Return(Address, _capacity);
}
