namespace ManagedCuda.BasicTypes;

/// <summary>How the driver starts.</summary>
[Flags]
public enum CUInitializationFlags : uint
{
    /// <summary>The only one there is.</summary>
    None = 0,
}

/// <summary>How a context waits.</summary>
[Flags]
public enum CUCtxFlags
{
    /// <summary>The driver's choice.</summary>
    SchedAuto = 0,
    /// <summary>Spin.</summary>
    SchedSpin = 1,
    /// <summary>Spin, and give up the rest of the time slice.</summary>
    SchedYield = 2,
    /// <summary>Sleep.</summary>
    BlockingSync = 4,
}

/// <summary>What a device can be asked.</summary>
public enum CUDeviceAttribute
{
    /// <summary>Threads of a warp.</summary>
    WarpSize = 10,
    /// <summary>Multiprocessors.</summary>
    MultiProcessorCount = 16,
    /// <summary>First part of the compute capability.</summary>
    ComputeCapabilityMajor = 75,
    /// <summary>Second part of the compute capability.</summary>
    ComputeCapabilityMinor = 76,
    /// <summary>Bytes of shared memory that a block may ask for.</summary>
    MaxSharedMemoryPerBlockOptin = 97,
}

/// <summary>What a kernel can be asked or told.</summary>
public enum CUFunctionAttribute
{
    /// <summary>Threads of the largest block.</summary>
    MaxThreadsPerBlock = 0,
    /// <summary>Static shared memory, bytes.</summary>
    SharedSizeBytes = 1,
    /// <summary>Local memory a thread, bytes.</summary>
    LocalSizeBytes = 3,
    /// <summary>Registers a thread.</summary>
    NumRegs = 4,
    /// <summary>Dynamic shared memory that a launch may ask for, bytes.</summary>
    MaxDynamicSharedSizeBytes = 8,
}

/// <summary>How a stream behaves beside the default one.</summary>
[Flags]
public enum CUStreamFlags : uint
{
    /// <summary>Waits for the default stream.</summary>
    None = 0,
    /// <summary>Does not.</summary>
    NonBlocking = 1,
}

/// <summary>What an event is for.</summary>
[Flags]
public enum CUEventFlags
{
    /// <summary>Time and order.</summary>
    Default = 0,
    /// <summary>Who waits for it sleeps.</summary>
    BlockingSync = 1,
    /// <summary>Order only.</summary>
    DisableTiming = 2,
}

/// <summary>Who may use page-locked memory.</summary>
[Flags]
public enum CUMemHostAllocFlags
{
    /// <summary>This context.</summary>
    None = 0,
    /// <summary>All contexts.</summary>
    Portable = 1,
}

/// <summary>Which calls a capture forbids elsewhere.</summary>
public enum CUStreamCaptureMode
{
    /// <summary>Unsafe ones of any thread.</summary>
    Global = 0,
    /// <summary>Unsafe ones of this thread.</summary>
    Thread = 1,
    /// <summary>None.</summary>
    Relaxed = 2,
}

/// <summary>How a graph is made ready.</summary>
[Flags]
public enum CUgraphInstantiate_flags : ulong
{
    /// <summary>Nothing special.</summary>
    None = 0,
}

/// <summary>Options of the driver's assembler.</summary>
public enum CUJITOption
{
    /// <summary>Address of a text for what went wrong.</summary>
    ErrorLogBuffer = 5,
    /// <summary>Its size in bytes.</summary>
    ErrorLogBufferSizeBytes = 6,
}

/// <summary>Where memory is.</summary>
public enum CUMemoryType : uint
{
    /// <summary>Host.</summary>
    Host = 1,
    /// <summary>Device.</summary>
    Device = 2,
}

/// <summary>A copy of rows (cuda.h, CUDA_MEMCPY2D).</summary>
public struct CUDAMemCpy2D
{
    /// <summary>First column of the source, bytes.</summary>
    public SizeT srcXInBytes;
    /// <summary>First row of the source.</summary>
    public SizeT srcY;
    /// <summary>Where the source is.</summary>
    public CUMemoryType srcMemoryType;
    /// <summary>The source, when it is the host's.</summary>
    public nint srcHost;
    /// <summary>The source, when it is the device's.</summary>
    public CUdeviceptr srcDevice;
    /// <summary>The source, when it is an array.</summary>
    public nint srcArray;
    /// <summary>Bytes from row to row of the source.</summary>
    public SizeT srcPitch;
    /// <summary>First column of the destination, bytes.</summary>
    public SizeT dstXInBytes;
    /// <summary>First row of the destination.</summary>
    public SizeT dstY;
    /// <summary>Where the destination is.</summary>
    public CUMemoryType dstMemoryType;
    /// <summary>The destination, when it is the host's.</summary>
    public nint dstHost;
    /// <summary>The destination, when it is the device's.</summary>
    public CUdeviceptr dstDevice;
    /// <summary>The destination, when it is an array.</summary>
    public nint dstArray;
    /// <summary>Bytes from row to row of the destination.</summary>
    public SizeT dstPitch;
    /// <summary>Bytes of a row.</summary>
    public SizeT WidthInBytes;
    /// <summary>Rows.</summary>
    public SizeT Height;
}
