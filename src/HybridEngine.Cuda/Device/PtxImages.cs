using System.Globalization;
using System.Reflection;
using System.Text;
using HybridEngine.Core;

namespace HybridEngine.Cuda;

/// <summary>The kernels' PTX inside this assembly: a resource <c>FAMILY.FILE.sm_NN.ptx</c> for each source and architecture.</summary>
internal static class PtxImages
{
    private static readonly string[] _names = [.. typeof(PtxImages).Assembly.GetManifestResourceNames().Where(n => n.EndsWith(".ptx", StringComparison.Ordinal))];

    /// <summary>Whether there are any: the native build had a compiler for them.</summary>
    public static bool Any => _names.Length > 0;

    /// <summary>All resources.</summary>
    public static IReadOnlyList<string> Names => _names;

    /// <summary>A source's PTX for a device, as a C string: of the latest architecture that the device understands.</summary>
    /// <param name="module"><c>FAMILY.FILE</c>.</param>
    /// <param name="device">Where it will run.</param>
    /// <exception cref="HybridEngineException">There is none.</exception>
    public static byte[] Load(string module, CudaDeviceInfo device)
    {
        int capability = 10 * device.Major + device.Minor;
        string? best = _names.Where(n => n.StartsWith(module + ".sm_", StringComparison.Ordinal) && Architecture(n) <= capability).MaxBy(Architecture);
        if (best is null) { throw new HybridEngineException($"cuda: this build holds no PTX of {module} for sm_{capability}, expected it from clang or nvcc when the native code was built (docs/cuda.md)"); }
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(best)!;
        byte[] image = new byte[stream.Length + 1]; // and the zero at its end
        stream.ReadExactly(image, 0, image.Length - 1);
        return image;
    }

    /// <summary>What the emulating driver gets for an image.</summary>
    public static byte[] Placeholder(string module) => Encoding.UTF8.GetBytes($"// {module}, emulated\0");

    private static int Architecture(string name)
    {
        string tail = name[(name.LastIndexOf(".sm_", StringComparison.Ordinal) + 4)..^".ptx".Length];
        return int.TryParse(tail, NumberStyles.None, CultureInfo.InvariantCulture, out int n) ? n : int.MaxValue; // sm_90a and the like run on that one only
    }
}
