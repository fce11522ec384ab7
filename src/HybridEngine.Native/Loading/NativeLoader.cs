using System.Runtime.InteropServices;

namespace HybridEngine.Native;

/// <summary>Finds and loads the native library, once per process, and remembers every attempt.</summary>
internal static unsafe class NativeLoader
{
    /// <summary>Environment variable that names the library file; when set, nothing else is tried.</summary>
    internal const string PathVariable = "HE_NATIVE_LIBRARY";

    private static readonly Lazy<(NativeLibraryReport Report, nint Handle)> _loaded = new(Load);

    internal static NativeLibraryReport Report => _loaded.Value.Report;

    /// <summary>The loaded library, or 0.</summary>
    internal static nint Handle => _loaded.Value.Handle;

    private static (NativeLibraryReport, nint) Load() => Load(Candidates(Environment.GetEnvironmentVariable(PathVariable), AppContext.BaseDirectory));

    /// <summary>Tries each file in order and stops at the first that loads and speaks our ABI.</summary>
    internal static (NativeLibraryReport Report, nint Handle) Load(IEnumerable<string> candidates)
    {
        List<NativeLibraryAttempt> attempts = [];
        foreach (string path in candidates)
        {
            string? failure = TryLoad(path, out nint handle);
            attempts.Add(new NativeLibraryAttempt(path, failure ?? "loaded"));
            if (failure is null) { return (new NativeLibraryReport(path, attempts, InstructionSets(handle)), handle); }
        }

        return (new NativeLibraryReport(null, attempts, []), 0);
    }

    /// <summary>Where to look, in order: the variable alone when it is set; else beside the program, in a package's layout, then the checkout's build.</summary>
    internal static IEnumerable<string> Candidates(string? variable, string baseDirectory)
    {
        if (!string.IsNullOrEmpty(variable))
        {
            yield return Path.GetFullPath(variable);
            yield break;
        }

        string file = OperatingSystem.IsWindows() ? "hybridengine_native.dll" : OperatingSystem.IsMacOS() ? "libhybridengine_native.dylib" : "libhybridengine_native.so";
        yield return Path.Combine(baseDirectory, file);
        yield return Path.Combine(baseDirectory, "runtimes", PortableRuntime(), "native", file);
        for (DirectoryInfo? folder = new(baseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "HybridEngine.sln")))
            {
                yield return Path.Combine(folder.FullName, "artifacts", "native", file);
                yield break;
            }
        }
    }

    private static string PortableRuntime()
    {
        string system = OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "osx" : "linux";
        string architecture = RuntimeInformation.ProcessArchitecture switch
        {
            Architecture.X64 => "x64",
            Architecture.Arm64 => "arm64",
            Architecture other => other.ToString(),
        };
        return $"{system}-{architecture}";
    }

    // Null when loaded; else why not, on one line.
    private static string? TryLoad(string path, out nint handle)
    {
        handle = 0;
        if (!File.Exists(path)) { return "no such file"; }
        try
        {
            handle = NativeLibrary.Load(path);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            return e.Message.ReplaceLineEndings(" ");
        }

        if (!NativeLibrary.TryGetExport(handle, "he_abi_version", out nint export)) { return Refuse(handle, "found no he_abi_version in it, expected HybridEngine's native library"); }
        uint version = ((delegate* unmanaged<uint>)export)();
        return version == NativeMethods.AbiVersion ? null : Refuse(handle, $"found ABI version {version}, expected {NativeMethods.AbiVersion} (rebuild native/)");
    }

    private static string Refuse(nint handle, string reason)
    {
        NativeLibrary.Free(handle);
        return reason;
    }

    private static string[] InstructionSets(nint handle)
    {
        var names = (delegate* unmanaged<byte*>)NativeLibrary.GetExport(handle, "he_available_isas");
        return (Marshal.PtrToStringUTF8((nint)names()) ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries);
    }
}
