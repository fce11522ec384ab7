using ManagedCuda.BasicTypes;
using Driver = ManagedCuda.DriverAPINativeMethods;

namespace HybridEngine.Cuda;

/// <summary>Page-locked memory between host and device. Uploads go through a ring: the host copies into it and goes on; it waits only for a segment that the device has not read yet.</summary>
internal sealed unsafe class Staging : IDisposable
{
    private const int Segments = 8;

    private readonly CudaDevice _device;
    private readonly int _segmentBytes;
    private readonly CUevent[] _read = new CUevent[Segments];
    private readonly bool[] _underWay = new bool[Segments];
    private nint _up, _down;
    private int _segment, _used;

    /// <param name="device">Whose stream.</param>
    /// <param name="bytes">Of each direction.</param>
    public Staging(CudaDevice device, int bytes)
    {
        _device = device;
        _segmentBytes = Math.Max(bytes / Segments, 4096) & ~63;
        device.MakeCurrent();
        Driver.MemoryManagement.cuMemHostAlloc(ref _up, (long)_segmentBytes * Segments, CUMemHostAllocFlags.None).Check("allocation of page-locked memory");
        Driver.MemoryManagement.cuMemHostAlloc(ref _down, (long)_segmentBytes * Segments, CUMemHostAllocFlags.None).Check("allocation of page-locked memory");
        for (int i = 0; i < Segments; i++) { Driver.Events.cuEventCreate(ref _read[i], CUEventFlags.DisableTiming).Check("making of an event"); }
    }

    /// <summary>Queues a copy to the device; the source may change at once.</summary>
    public void Upload(ReadOnlySpan<byte> source, nint destination)
    {
        _device.MakeCurrent();
        while (source.Length > 0)
        {
            int bytes = Math.Min(source.Length, _segmentBytes);
            nint place = Reserve(bytes);
            source[..bytes].CopyTo(new Span<byte>((void*)place, bytes));
            Driver.AsynchronousMemcpy_v2.cuMemcpyHtoDAsync_v2(new CUdeviceptr(destination), place, bytes, _device.Stream).Check("copy to the device");
            source = source[bytes..];
            destination += bytes;
        }
    }

    /// <summary>Waits for all queued work, then copies to the host.</summary>
    public void Download(nint source, Span<byte> destination)
    {
        _device.MakeCurrent();
        while (destination.Length > 0)
        {
            int bytes = Math.Min(destination.Length, _segmentBytes * Segments);
            Driver.AsynchronousMemcpy_v2.cuMemcpyDtoHAsync_v2(_down, new CUdeviceptr(source), bytes, _device.Stream).Check("copy to the host");
            _device.Synchronize();
            new ReadOnlySpan<byte>((void*)_down, bytes).CopyTo(destination);
            destination = destination[bytes..];
            source += bytes;
        }
    }

    /// <inheritdoc />
    public void Dispose()
    {
        _device.MakeCurrent();
        foreach (CUevent e in _read) { _ = Driver.Events.cuEventDestroy_v2(e); }
        _ = Driver.MemoryManagement.cuMemFreeHost(_up);
        _ = Driver.MemoryManagement.cuMemFreeHost(_down);
    }

    // Room in the segment under way, or the beginning of the next one.
    private nint Reserve(int bytes)
    {
        if (_used + bytes > _segmentBytes)
        {
            Driver.Events.cuEventRecord(_read[_segment], _device.Stream).Check("recording of an event");
            _underWay[_segment] = true;
            _segment = (_segment + 1) % Segments;
            _used = 0;
            if (_underWay[_segment]) { Driver.Events.cuEventSynchronize(_read[_segment]).Check("work on the device"); }
            _underWay[_segment] = false;
        }

        nint place = _up + (nint)_segment * _segmentBytes + _used;
        _used += (bytes + 63) & ~63;
        return place;
    }
}
