namespace HybridEngine.Core;

/// <summary>Where memory lives.</summary>
public enum DeviceKind
{
    /// <summary>Host memory, read and written by any thread of this process.</summary>
    Host,
    /// <summary>Memory of an NVIDIA GPU.</summary>
    Cuda,
    /// <summary>Memory of an ILGPU accelerator.</summary>
    Ilgpu,
}

/// <summary>One allocation on one device. Tensors are views of it; whoever allocated it disposes it.</summary>
public abstract class DeviceMemory : IDisposable
{
    /// <param name="device">Where the bytes live.</param>
    /// <param name="address">First byte, in the device's address space.</param>
    /// <param name="bytes">Length.</param>
    protected DeviceMemory(DeviceKind device, nint address, long bytes) => (Device, Address, Bytes) = (device, address, bytes);

    /// <summary>Where the bytes live.</summary>
    public DeviceKind Device { get; }

    /// <summary>First byte, in the device's address space; 0 after disposal.</summary>
    public nint Address { get; protected set; }

    /// <summary>Length in bytes.</summary>
    public long Bytes { get; }

    /// <summary>True after <see cref="Dispose()"/>.</summary>
    public bool IsDisposed { get; private set; }

    /// <inheritdoc />
    public void Dispose()
    {
        if (IsDisposed) { return; }
        IsDisposed = true;
        Free();
        Address = 0;
        GC.SuppressFinalize(this);
    }

    /// <summary>Gives the bytes back; called once.</summary>
    protected abstract void Free();
}
