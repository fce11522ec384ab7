using System.Runtime.InteropServices;
using ManagedCuda.BasicTypes;

namespace ManagedCuda;

/// <summary>The driver's own calls, by its names, in ManagedCuda's groups. NVIDIA's "CUDA Driver API" manual describes each; all return what went wrong and none throws for it.</summary>
/// <remarks>The library is looked for at the first call (<see cref="DriverLibrary"/>); where there is none, that call throws <see cref="DllNotFoundException"/> with everything that was tried.</remarks>
public static partial class DriverAPINativeMethods
{
    internal const string Library = "nvcuda";

    /// <summary>Starts the driver; before any other call.</summary>
    [LibraryImport(Library)]
    public static partial CUResult cuInit(CUInitializationFlags Flags);

    /// <summary>The version of CUDA that the driver speaks: 1000 x major + 10 x minor.</summary>
    [LibraryImport(Library)]
    public static partial CUResult cuDriverGetVersion(ref int driverVersion);

    /// <summary>Name of an error, as a C string.</summary>
    [LibraryImport(Library)]
    public static partial CUResult cuGetErrorName(CUResult error, ref nint pStr);

    /// <summary>Text of an error, as a C string.</summary>
    [LibraryImport(Library)]
    public static partial CUResult cuGetErrorString(CUResult error, ref nint pStr);

    /// <summary>Devices.</summary>
    public static partial class DeviceManagement
    {
        /// <summary>The device of a number.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuDeviceGet(ref CUdevice device, int ordinal);

        /// <summary>Devices that the driver sees.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuDeviceGetCount(ref int count);

        /// <summary>The device's name, as a C string of at most <paramref name="len"/> bytes.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuDeviceGetName([Out] byte[] name, int len, CUdevice dev);

        /// <summary>Bytes of memory.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuDeviceTotalMem_v2(ref SizeT bytes, CUdevice dev);

        /// <summary>One of its properties.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuDeviceGetAttribute(ref int pi, CUDeviceAttribute attrib, CUdevice dev);
    }

    /// <summary>Contexts.</summary>
    public static partial class ContextManagement
    {
        /// <summary>The context that everybody in the process shares.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuDevicePrimaryCtxRetain(ref CUcontext pctx, CUdevice dev);

        /// <summary>Gives it back.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuDevicePrimaryCtxRelease_v2(CUdevice dev);

        /// <summary>The context of this thread's calls.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuCtxSetCurrent(CUcontext ctx);

        /// <summary>Waits for the device.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuCtxSynchronize();
    }

    /// <summary>Modules.</summary>
    public static partial class ModuleManagement
    {
        /// <summary>Loads an image: PTX as a C string, or machine code.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuModuleLoadDataEx(ref CUmodule module, byte[] image, uint numOptions, CUJITOption[] options, [In, Out] nint[] optionValues);

        /// <summary>Unloads it.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuModuleUnload(CUmodule hmod);

        /// <summary>A kernel by name.</summary>
        [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
        public static partial CUResult cuModuleGetFunction(ref CUfunction hfunc, CUmodule hmod, string name);
    }

    /// <summary>Kernels.</summary>
    public static partial class FunctionManagement
    {
        /// <summary>One of its properties.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuFuncGetAttribute(ref int pi, CUFunctionAttribute attrib, CUfunction hfunc);

        /// <summary>Changes one.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuFuncSetAttribute(CUfunction hfunc, CUFunctionAttribute attrib, int value);
    }

    /// <summary>Memory.</summary>
    public static partial class MemoryManagement
    {
        /// <summary>Bytes of the device that are free, and all.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuMemGetInfo_v2(ref SizeT free, ref SizeT total);

        /// <summary>Takes device memory.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuMemAlloc_v2(ref CUdeviceptr dptr, SizeT bytesize);

        /// <summary>Gives it back; waits for the device.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuMemFree_v2(CUdeviceptr dptr);

        /// <summary>Takes page-locked host memory.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuMemHostAlloc(ref nint pp, SizeT bytesize, CUMemHostAllocFlags Flags);

        /// <summary>Gives it back.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuMemFreeHost(nint p);
    }

    /// <summary>Copies.</summary>
    public static partial class AsynchronousMemcpy_v2
    {
        /// <summary>Host to device.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuMemcpyHtoDAsync_v2(CUdeviceptr dstDevice, nint srcHost, SizeT ByteCount, CUstream hStream);

        /// <summary>Device to host.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuMemcpyDtoHAsync_v2(nint dstHost, CUdeviceptr srcDevice, SizeT ByteCount, CUstream hStream);

        /// <summary>Device to device.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuMemcpyDtoDAsync_v2(CUdeviceptr dstDevice, CUdeviceptr srcDevice, SizeT ByteCount, CUstream hStream);

        /// <summary>Rows.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuMemcpy2DAsync_v2(ref CUDAMemCpy2D pCopy, CUstream hStream);
    }

    /// <summary>Filling.</summary>
    public static partial class MemsetAsync
    {
        /// <summary>Bytes.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuMemsetD8Async(CUdeviceptr dstDevice, byte uc, SizeT N, CUstream hStream);

        /// <summary>Rows of bytes.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuMemsetD2D8Async(CUdeviceptr dstDevice, SizeT dstPitch, byte uc, SizeT Width, SizeT Height, CUstream hStream);
    }

    /// <summary>Streams.</summary>
    public static partial class Streams
    {
        /// <summary>A new stream.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuStreamCreate(ref CUstream phStream, CUStreamFlags Flags);

        /// <summary>Ends it.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuStreamDestroy_v2(CUstream hStream);

        /// <summary>Waits for it.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuStreamSynchronize(CUstream hStream);

        /// <summary>Makes it wait for an event.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuStreamWaitEvent(CUstream hStream, CUevent hEvent, uint Flags);

        /// <summary>What follows goes into a graph.</summary>
        [LibraryImport(Library, EntryPoint = "cuStreamBeginCapture_v2")]
        public static partial CUResult cuStreamBeginCapture(CUstream hStream, CUStreamCaptureMode mode);

        /// <summary>The graph.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuStreamEndCapture(CUstream hStream, ref CUgraph phGraph);
    }

    /// <summary>Events.</summary>
    public static partial class Events
    {
        /// <summary>A new event.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuEventCreate(ref CUevent phEvent, CUEventFlags Flags);

        /// <summary>Ends it.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuEventDestroy_v2(CUevent hEvent);

        /// <summary>Puts it at the end of a stream.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuEventRecord(CUevent hEvent, CUstream hStream);

        /// <summary>Whether the stream has come by.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuEventQuery(CUevent hEvent);

        /// <summary>Waits until it has.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuEventSynchronize(CUevent hEvent);

        /// <summary>Milliseconds between two.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuEventElapsedTime(ref float pMilliseconds, CUevent hStart, CUevent hEnd);
    }

    /// <summary>Launches.</summary>
    public static partial class Launch
    {
        /// <summary>Queues a kernel. Its arguments are an address each in <paramref name="kernelParams"/>, or one block that <paramref name="extra"/> describes.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuLaunchKernel(CUfunction f, uint gridDimX, uint gridDimY, uint gridDimZ, uint blockDimX, uint blockDimY, uint blockDimZ, uint sharedMemBytes,
            CUstream hStream, nint[]? kernelParams, nint[]? extra);
    }

    /// <summary>Graphs. (The name is ManagedCuda's.)</summary>
    public static partial class GraphManagment
    {
        /// <summary>Makes a graph ready to launch.</summary>
        [LibraryImport(Library, EntryPoint = "cuGraphInstantiateWithFlags")]
        public static partial CUResult cuGraphInstantiate(ref CUgraphExec phGraphExec, CUgraph hGraph, CUgraphInstantiate_flags flags);

        /// <summary>Queues it.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuGraphLaunch(CUgraphExec hGraphExec, CUstream hStream);

        /// <summary>Ends it.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuGraphExecDestroy(CUgraphExec hGraphExec);

        /// <summary>Ends it.</summary>
        [LibraryImport(Library)]
        public static partial CUResult cuGraphDestroy(CUgraph hGraph);
    }
}
