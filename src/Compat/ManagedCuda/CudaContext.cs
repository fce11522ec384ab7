using ManagedCuda.BasicTypes;

namespace ManagedCuda;

/// <summary>A context of one device.</summary>
public class CudaContext : IDisposable
{
    private protected CUcontext _context;
    private protected CUdevice _device;

    private protected CudaContext() { }

    /// <summary>The driver's handle.</summary>
    public CUcontext Context => _context;

    /// <summary>The device.</summary>
    public CUdevice Device => _device;

    /// <summary>Makes it the context of this thread's calls.</summary>
    public void SetCurrent() => Check(DriverAPINativeMethods.ContextManagement.cuCtxSetCurrent(_context));

    /// <summary>Waits for the device.</summary>
    public void Synchronize() => Check(DriverAPINativeMethods.ContextManagement.cuCtxSynchronize());

    /// <inheritdoc />
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Gives the context back.</summary>
    protected virtual void Dispose(bool disposing) { }

    private protected static void Check(CUResult result)
    {
        if (result != CUResult.Success) { throw new CudaException(result); }
    }
}

/// <summary>The context of a device that everybody in the process shares.</summary>
public class PrimaryContext : CudaContext
{
    private bool _disposed;

    /// <summary>Retains it. <see cref="CudaContext.SetCurrent"/> has to be called on every thread that uses it.</summary>
    public PrimaryContext(int deviceId)
    {
        Check(DriverAPINativeMethods.cuInit(CUInitializationFlags.None));
        Check(DriverAPINativeMethods.DeviceManagement.cuDeviceGet(ref _device, deviceId));
        Check(DriverAPINativeMethods.ContextManagement.cuDevicePrimaryCtxRetain(ref _context, _device));
    }

    /// <inheritdoc />
    protected override void Dispose(bool disposing)
    {
        if (_disposed) { return; }
        _disposed = true;
        _ = DriverAPINativeMethods.ContextManagement.cuDevicePrimaryCtxRelease_v2(_device);
        base.Dispose(disposing);
    }
}
