using System.Text;
using HybridEngine.Core;
using ManagedCuda;
using ManagedCuda.BasicTypes;
using Driver = ManagedCuda.DriverAPINativeMethods;

namespace HybridEngine.Cuda;

/// <summary>One GPU that the driver shows.</summary>
/// <param name="Number">The driver's number.</param>
/// <param name="Name">Such as "NVIDIA H200".</param>
/// <param name="Major">First part of its compute capability.</param>
/// <param name="Minor">Second part.</param>
/// <param name="Multiprocessors">How many it has.</param>
/// <param name="MemoryBytes">All of its memory.</param>
public sealed record CudaDeviceInfo(int Number, string Name, int Major, int Minor, int Multiprocessors, long MemoryBytes)
{
    /// <summary><c>NVIDIA H200, sm_90, 132 multiprocessors, 139.8 GiB</c></summary>
    public override string ToString() =>
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Name}, sm_{Major}{Minor}, {Multiprocessors} multiprocessors, {MemoryBytes / (double)(1L << 30):F1} GiB");
}

/// <summary>What there is of CUDA on this machine, or everything that was tried.</summary>
/// <param name="Devices">The GPUs that can be opened; empty without any.</param>
/// <param name="Detail">One line for people: the devices, or why there is none.</param>
public sealed record CudaProbe(IReadOnlyList<CudaDeviceInfo> Devices, string Detail)
{
    /// <summary>The oldest compute capability that the kernels are written for (bf16 tensor cores, asynchronous copies).</summary>
    internal const int OldestMajor = 8;

    private static readonly Lazy<CudaProbe> _current = new(Look);

    /// <summary>Of this process; looks on first use.</summary>
    public static CudaProbe Current => _current.Value;

    /// <summary>Whether <see cref="CudaKernels"/> can be made.</summary>
    public bool IsAvailable => Devices.Count > 0;

    private static CudaProbe Look()
    {
        try
        {
            CUResult started = Driver.cuInit(CUInitializationFlags.None);
            if (started != CUResult.Success) { return None($"the driver does not start: {new CudaException(started).Message}"); }
            int count = 0, version = 0;
            Driver.DeviceManagement.cuDeviceGetCount(ref count).Check("count of devices");
            Driver.cuDriverGetVersion(ref version).Check("version of the driver");
            CudaDeviceInfo[] all = [.. Enumerable.Range(0, count).Select(Describe)];
            CudaDeviceInfo[] usable = [.. all.Where(d => d.Major >= OldestMajor)];
            string driver = $"driver for CUDA {version / 1000}.{version % 1000 / 10}";
            if (usable.Length == 0) { return None(all.Length == 0 ? $"{driver}, no device" : $"{driver}, no device of sm_{OldestMajor}0 or later: {string.Join("; ", all.AsEnumerable())}"); }
            if (!PtxImages.Any && !Emulated()) { return None($"{driver}, {usable[0]}, but this build holds no PTX (build it where clang or nvcc is; docs/cuda.md)"); }
            return new CudaProbe(usable, $"{string.Join("; ", usable.AsEnumerable())} ({driver})");
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException or BadImageFormatException or HybridEngineException) { return None(e.Message); }
    }

    /// <summary>Whether the driver is the one of native/cuda/driver, which needs no PTX.</summary>
    internal static bool Emulated() => Describe(0).Name == EmulatedName;

    /// <summary>What that driver calls its device.</summary>
    internal const string EmulatedName = "emulated GPU";

    private static CudaProbe None(string why) => new([], why);

    private static CudaDeviceInfo Describe(int number)
    {
        CUdevice device = default;
        Driver.DeviceManagement.cuDeviceGet(ref device, number).Check($"opening of device {number}");
        byte[] name = new byte[256];
        Driver.DeviceManagement.cuDeviceGetName(name, name.Length, device).Check("name of a device");
        SizeT bytes = default;
        Driver.DeviceManagement.cuDeviceTotalMem_v2(ref bytes, device).Check("memory of a device");
        int Attribute(CUDeviceAttribute attribute)
        {
            int value = 0;
            Driver.DeviceManagement.cuDeviceGetAttribute(ref value, attribute, device).Check("attribute of a device");
            return value;
        }

        return new CudaDeviceInfo(number, Encoding.UTF8.GetString(name, 0, Math.Max(Array.IndexOf(name, (byte)0), 0)), Attribute(CUDeviceAttribute.ComputeCapabilityMajor),
            Attribute(CUDeviceAttribute.ComputeCapabilityMinor), Attribute(CUDeviceAttribute.MultiProcessorCount), bytes);
    }
}
