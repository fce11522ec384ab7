using System.Diagnostics;
using System.Text.Json;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Architecture.Tests;

/// <summary>tests/device/run.sh, with the smallest sizes over the emulating driver: the parts run, the report is JSON, and what could not run is told.</summary>
public sealed class DeviceScriptTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("he-device-");

    [SkippableFact]
    public void Run_Emulated_WritesReportAndPage()
    {
        Skip.If(EmulatedDriver.WhyMissing is not null, EmulatedDriver.WhyMissing);
        Skip.IfNot(File.Exists(RepoRoot.Combine("artifacts", "bin", "HybridEngine.Device", "release", "HybridEngine.Device")), "tests/HybridEngine.Device was not built (in Release)");
        (int code, string error) = Run("--emulated", "--parts", "facts conformance benchmarks", _folder.FullName);
        Assert.True(code == 0, error);

        JsonElement report = JsonDocument.Parse(File.ReadAllText(Path.Combine(_folder.FullName, "report.json"))).RootElement;
        JsonElement[] parts = [.. report.GetProperty("parts").EnumerateArray()];
        Assert.Equal(["facts", "conformance", "benchmarks"], parts.Select(p => p.GetProperty("part").GetString()));
        Assert.All(parts, p => Assert.Equal("passed", p.GetProperty("status").GetString()));
        Assert.All(parts[1].GetProperty("results").EnumerateArray(), c => Assert.True(c.GetProperty("passed").GetInt32() > 0 && c.GetProperty("failed").GetInt32() == 0));
        Assert.Equal(JsonValueKind.Null, parts[2].GetProperty("results")[0].GetProperty("roof").ValueKind);
        Assert.Contains("| CudaMemory |", File.ReadAllText(Path.Combine(_folder.FullName, "emulated-gpu.md")), StringComparison.Ordinal);
    }

    [SkippableFact]
    public void Run_NoTimeLeft_SaysSoOfEveryPart()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "tests/device is for Linux");
        (int code, string error) = Run("--parts", "facts compile", "--limit", "4", _folder.FullName);
        Assert.True(code == 0, error);
        JsonElement report = JsonDocument.Parse(File.ReadAllText(Path.Combine(_folder.FullName, "report.json"))).RootElement;
        Assert.Equal(["skipped: no time left of 4 s", "skipped: no time left of 4 s"], report.GetProperty("parts").EnumerateArray().Select(p => $"{p.GetProperty("status")}: {p.GetProperty("last_line")}"));
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private static (int ExitCode, string Error) Run(params string[] arguments)
    {
        ProcessStartInfo info = new("bash", [RepoRoot.Combine("tests", "device", "run.sh"), .. arguments]) { RedirectStandardError = true, RedirectStandardOutput = true };
        using Process process = Process.Start(info)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output.Result + error);
    }
}
