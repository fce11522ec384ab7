using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ManagedCuda;

/// <summary>Finds the driver at the first call of it. Containers often hold nothing but <c>libcuda.so.1</c>, which the package of this name does not try.</summary>
internal static class DriverLibrary
{
    /// <summary>Environment variable that names the library; when set, nothing else is tried.</summary>
    private const string PathVariable = "HE_CUDA_DRIVER";

    private static readonly Lazy<nint> _handle = new(Load);

    [ModuleInitializer]
    internal static void Register() => NativeLibrary.SetDllImportResolver(typeof(DriverLibrary).Assembly, Resolve);

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? search) => name == DriverAPINativeMethods.Library ? _handle.Value : 0;

    private static nint Load()
    {
        List<string> tried = [];
        foreach (string name in Names())
        {
            try { return NativeLibrary.Load(name); }
            catch (Exception e) when (e is DllNotFoundException or BadImageFormatException) { tried.Add($"{name}: {Reason(e.Message)}"); }
        }

        throw new DllNotFoundException($"no CUDA driver; tried {string.Join("; ", tried)}");
    }

    private static string[] Names()
    {
        if (Environment.GetEnvironmentVariable(PathVariable) is { Length: > 0 } path) { return [path]; }
        return OperatingSystem.IsWindows() ? ["nvcuda.dll"] : ["libcuda.so.1", "libcuda.so", "/usr/lib/wsl/lib/libcuda.so.1"];
    }

    // The loader's message names its advice first and the reason last.
    private static string Reason(string message)
    {
        string[] lines = message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        string last = lines.Length > 0 ? lines[^1] : "cannot be loaded";
        return last.Contains("cannot open shared object file", StringComparison.Ordinal) ? "no such file" : last;
    }
}
