using System.Runtime.InteropServices;

namespace HybridEngine.Core;

/// <summary>Zero-filled host memory outside the managed heap, aligned to 64 bytes (a cache line, an AVX-512 register); from <see cref="LargePages.Size"/> on in pages of that size where the system has them.</summary>
public sealed unsafe class HostMemory : DeviceMemory
{
    private static long _allocated;
    private readonly LargePageMapping _mapping;     // empty: from the C heap

    private HostMemory(nint address, long bytes, LargePageMapping mapping = default) : base(DeviceKind.Host, address, bytes)
    {
        _mapping = mapping;
        Interlocked.Add(ref _allocated, bytes);
        if (bytes > 0) { GC.AddMemoryPressure(bytes); }
    }

    /// <summary>Releases memory that nobody disposed.</summary>
    ~HostMemory() => Free();

    /// <summary>Bytes that are allocated now, over all instances.</summary>
    public static long TotalAllocated => Interlocked.Read(ref _allocated);

    /// <summary>Allocates <paramref name="bytes"/> zero bytes.</summary>
    /// <exception cref="HybridEngineException">The system has no room for it.</exception>
    public static HostMemory Allocate(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        if (bytes >= LargePages.Size && LargePages.TryMap(bytes + 64, out LargePageMapping mapping)) { return new HostMemory(mapping.Address, bytes, mapping); }
        nuint rounded = (nuint)((bytes + 63) / 64 * 64 + 64);
        try
        {
            void* p = NativeMemory.AlignedAlloc(rounded, 64);
            NativeMemory.Clear(p, rounded);
            return new HostMemory((nint)p, bytes);
        }
        catch (OutOfMemoryException e)
        {
            throw new HybridEngineException($"memory: cannot allocate {bytes} bytes, {TotalAllocated} bytes are in use by tensors", e);
        }
    }

    /// <inheritdoc />
    protected override void Free()
    {
        if (Address == 0) { return; }
        if (_mapping.Length > 0) { LargePages.Unmap(_mapping); } else { NativeMemory.AlignedFree((void*)Address); }
        Interlocked.Add(ref _allocated, -Bytes);
        if (Bytes > 0) { GC.RemoveMemoryPressure(Bytes); }
    }
}
