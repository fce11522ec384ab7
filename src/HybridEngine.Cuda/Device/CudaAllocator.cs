using System.Collections.Concurrent;
using HybridEngine.Core;
using ManagedCuda.BasicTypes;
using Driver = ManagedCuda.DriverAPINativeMethods;

namespace HybridEngine.Cuda;

/// <summary>Device memory, kept for reuse: the driver's own calls take and give back wait for the device.</summary>
/// <remarks>All work is in one stream, so what is given back may be handed out again at once: whatever still reads it is queued before whatever will write it.
/// Memory may be given back from any thread (finalizers do); it is taken by the thread that uses the device.</remarks>
internal sealed class CudaAllocator : IDisposable
{
    /// <summary>Sizes are multiples of it, so that similar ones share.</summary>
    private const long Granule = 512;

    private readonly CudaDevice _device;
    private readonly Dictionary<long, Stack<nint>> _idle = [];
    private readonly HashSet<nint> _all = [];
    private readonly ConcurrentQueue<(nint Address, long Capacity)> _returned = new();
    private volatile bool _disposed;

    /// <param name="device">Whose memory.</param>
    public CudaAllocator(CudaDevice device) => _device = device;

    /// <summary>Bytes that tensors have now.</summary>
    public long BytesInUse { get; private set; }

    /// <summary>Bytes kept for reuse.</summary>
    public long BytesIdle { get; private set; }

    /// <summary>Memory of undefined content.</summary>
    /// <exception cref="HybridEngineException">The device has no room for it.</exception>
    public CudaMemory Take(long bytes)
    {
        Collect();
        long capacity = Math.Max(1, (bytes + Granule - 1) / Granule) * Granule;
        nint address = TakeIdle(capacity);
        if (address == 0 && !TryAllocate(capacity, out address))
        {
            Trim();
            if (!TryAllocate(capacity, out address)) { throw new HybridEngineException($"cuda: cannot allocate {bytes} bytes: {BytesInUse} bytes are in use by tensors, {FreeBytes()} are free on {_device.Info}"); }
        }

        BytesInUse += capacity;
        return new CudaMemory(this, address, bytes, capacity);
    }

    /// <summary>Takes memory back; any thread.</summary>
    public void Return(nint address, long capacity)
    {
        if (address != 0 && !_disposed) { _returned.Enqueue((address, capacity)); }
    }

    /// <summary>Gives idle memory back to the driver; waits for the device.</summary>
    public void Trim()
    {
        Collect();
        _device.MakeCurrent();
        foreach (Stack<nint> stack in _idle.Values)
        {
            while (stack.Count > 0) { Free(stack.Pop()); }
        }

        _idle.Clear();
        BytesIdle = 0;
    }

    /// <summary>Gives all memory back, that of tensors too: they are of no use without their device.</summary>
    public void Dispose()
    {
        _disposed = true;
        foreach (nint address in _all.ToArray()) { Free(address); }
    }

    private void Free(nint address)
    {
        Driver.MemoryManagement.cuMemFree_v2(new CUdeviceptr(address)).Check("giving back memory");
        _all.Remove(address);
    }

    private void Collect()
    {
        while (_returned.TryDequeue(out (nint Address, long Capacity) memory))
        {
            if (!_idle.TryGetValue(memory.Capacity, out Stack<nint>? stack)) { _idle[memory.Capacity] = stack = new Stack<nint>(); }
            stack.Push(memory.Address);
            BytesInUse -= memory.Capacity;
            BytesIdle += memory.Capacity;
        }
    }

    private nint TakeIdle(long capacity)
    {
        if (!_idle.TryGetValue(capacity, out Stack<nint>? stack) || stack.Count == 0) { return 0; }
        BytesIdle -= capacity;
        return stack.Pop();
    }

    private bool TryAllocate(long capacity, out nint address)
    {
        _device.MakeCurrent();
        CUdeviceptr pointer = default;
        CUResult result = Driver.MemoryManagement.cuMemAlloc_v2(ref pointer, capacity);
        address = (nint)(long)pointer.Pointer;
        if (result == CUResult.ErrorOutOfMemory) { return false; }
        result.Check($"allocation of {capacity} bytes");
        _all.Add(address);
        return true;
    }

    private static long FreeBytes()
    {
        SizeT free = default, total = default;
        Driver.MemoryManagement.cuMemGetInfo_v2(ref free, ref total).Check("question for free memory");
        return free;
    }
}
