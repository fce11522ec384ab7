using System.Runtime.InteropServices;
using HybridEngine.Core;
using ManagedCuda;
using ManagedCuda.BasicTypes;
using Driver = ManagedCuda.DriverAPINativeMethods;

namespace HybridEngine.Cuda;

/// <summary>A GPU with one stream: loads kernels at their first launch and queues work. Not thread-safe, but any thread may call, one after the other.</summary>
internal sealed unsafe class CudaDevice : IDisposable
{
    /// <summary>Bytes of the largest structure of arguments (the driver's limit for a launch).</summary>
    private const int ParameterBytes = 4096;

    /// <summary>Shared memory that a launch may use without asking for it by name.</summary>
    private const int SharedByDefault = 48 << 10;

    // CU_LAUNCH_PARAM_BUFFER_POINTER, _SIZE and _END: arguments as one block, whose size the driver compares with the kernel's.
    private const nint BufferPointer = 1, BufferSize = 2, BufferEnd = 0;

    [ThreadStatic]
    private static CudaDevice? _current;

    private readonly PrimaryContext _context;
    private readonly bool _emulated;
    private readonly byte* _parameters = (byte*)NativeMemory.AlignedAlloc(ParameterBytes + 64, 64);
    private readonly nint[] _extra;
    private readonly Dictionary<string, CUmodule> _modules = [];
    private CUfunction[] _functions = [];
    private int[] _sharedLimits = [];
    private CUstream _stream;
    private bool _disposed;

    /// <exception cref="HybridEngineException">There is no such device, or it cannot be opened; the message says what was tried.</exception>
    public CudaDevice(int number)
    {
        CudaProbe probe = CudaProbe.Current;
        if (!probe.IsAvailable) { throw new HybridEngineException($"backend cuda: {probe.Detail}"); }
        Info = probe.Devices.FirstOrDefault(d => d.Number == number) ?? throw new InvalidInputException("device", $"{number}", $"one of {string.Join(", ", probe.Devices.Select(d => d.Number))}");
        _emulated = Info.Name == CudaProbe.EmulatedName;
        try { _context = new PrimaryContext(number); }
        catch (CudaException e) { throw new HybridEngineException($"backend cuda: device {number} cannot be opened: {e.Message}", e); }
        _extra = [BufferPointer, (nint)_parameters, BufferSize, (nint)(_parameters + ParameterBytes), BufferEnd];
        MakeCurrent();
        Driver.Streams.cuStreamCreate(ref _stream, CUStreamFlags.NonBlocking).Check("making of a stream");
    }

    /// <summary>What it is.</summary>
    public CudaDeviceInfo Info { get; }

    /// <summary>The queue of all its work.</summary>
    public CUstream Stream => _stream;

    /// <summary>Makes this device's context that of the calling thread; before every group of driver calls.</summary>
    public void MakeCurrent()
    {
        if (ReferenceEquals(_current, this)) { return; }
        ObjectDisposedException.ThrowIf(_disposed, this);
        _context.SetCurrent();
        _current = this;
    }

    /// <summary>Queues a kernel. An empty grid does nothing.</summary>
    /// <param name="kernel">Which.</param>
    /// <param name="grid">Blocks.</param>
    /// <param name="arguments">Its one structure, laid out as in the kernel's header.</param>
    /// <param name="sharedBytes">Dynamic shared memory of a block.</param>
    public void Launch<T>(Kernel kernel, Grid grid, in T arguments, int sharedBytes = 0) where T : unmanaged
    {
        if (grid.X == 0 || grid.Y == 0 || grid.Z == 0) { return; }
        if (grid.X > int.MaxValue || grid.Y > ushort.MaxValue || grid.Z > ushort.MaxValue)
        {
            throw new UnsupportedException(kernel.Name, $"a launch of {grid.X} x {grid.Y} x {grid.Z} blocks", "at most 2147483647 x 65535 x 65535: smaller batches");
        }

        MakeCurrent();
        CUfunction function = Function(kernel, sharedBytes);
        *(T*)_parameters = arguments;
        *(nuint*)(_parameters + ParameterBytes) = (nuint)sizeof(T);
        CUResult result = Driver.Launch.cuLaunchKernel(function, (uint)grid.X, (uint)grid.Y, (uint)grid.Z, kernel.Threads, 1, 1, (uint)sharedBytes, _stream, null, _extra);
        if (result != CUResult.Success) { throw DriverErrors.Failure(result, $"launch of {kernel.Name}"); }
    }

    /// <summary>Waits until all queued work is done.</summary>
    public void Synchronize()
    {
        MakeCurrent();
        Driver.Streams.cuStreamSynchronize(_stream).Check("work on the device");
    }

    /// <inheritdoc />
    public void Dispose()
    {
        if (_disposed) { return; }
        MakeCurrent();
        _disposed = true;
        _current = null;
        _ = Driver.Streams.cuStreamDestroy_v2(_stream);
        foreach (CUmodule module in _modules.Values) { _ = Driver.ModuleManagement.cuModuleUnload(module); }
        _context.Dispose();
        NativeMemory.AlignedFree(_parameters);
    }

    private CUfunction Function(Kernel kernel, int sharedBytes)
    {
        if (kernel.Index >= _functions.Length)
        {
            Array.Resize(ref _functions, kernel.Index + 64);
            Array.Resize(ref _sharedLimits, kernel.Index + 64);
        }

        ref CUfunction function = ref _functions[kernel.Index];
        if (function.Pointer == 0) { Driver.ModuleManagement.cuModuleGetFunction(ref function, Module(kernel.Module), kernel.Name).Check($"look-up of kernel {kernel.Name}"); }
        if (sharedBytes > Math.Max(SharedByDefault, _sharedLimits[kernel.Index]))
        {
            Driver.FunctionManagement.cuFuncSetAttribute(function, CUFunctionAttribute.MaxDynamicSharedSizeBytes, sharedBytes).Check($"asking for {sharedBytes} bytes of shared memory for {kernel.Name}");
            _sharedLimits[kernel.Index] = sharedBytes;
        }

        return function;
    }

    private CUmodule Module(string name)
    {
        if (_modules.TryGetValue(name, out CUmodule module)) { return module; }
        byte[] image = _emulated ? PtxImages.Placeholder(name) : PtxImages.Load(name, Info), log = new byte[8192];
        CUResult result;
        fixed (byte* text = log)
        {
            result = Driver.ModuleManagement.cuModuleLoadDataEx(ref module, image, 2, [CUJITOption.ErrorLogBuffer, CUJITOption.ErrorLogBufferSizeBytes], [(nint)text, log.Length]);
        }

        if (result != CUResult.Success)
        {
            string said = System.Text.Encoding.UTF8.GetString(log, 0, Math.Max(Array.IndexOf(log, (byte)0), 0));
            throw DriverErrors.Failure(result, $"loading of {name} ({(said.Length > 0 ? said : "the assembler says nothing")})");
        }

        return _modules[name] = module;
    }
}
