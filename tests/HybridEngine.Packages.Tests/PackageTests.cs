using System.Diagnostics;
using System.IO.Compression;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Packages.Tests;

/// <summary>The packages as a user meets them: packed, restored by a fresh console project, run.</summary>
public sealed class PackageTests : IDisposable
{
    private readonly string _scratch = Directory.CreateTempSubdirectory("he-pack-").FullName;

    public void Dispose() => Directory.Delete(_scratch, recursive: true);

    [Fact]
    public void Pack_FreshConsoleProject_RestoresRunsAndGenerates()
    {
        string packages = Path.Combine(_scratch, "packages");
        foreach (string project in (string[])["HybridEngine.Core", "HybridEngine.Reference", "HybridEngine.Native", "HybridEngine.Cuda", "HybridEngine.Models", "HybridEngine.Inference", "HybridEngine.Training", "HybridEngine", "HybridEngine.Rlhf", "Compat/Microsoft.ML.Tokenizers", "Compat/ManagedCuda"])
        {
            Run(RepoRoot.Path, "dotnet", "pack", Path.Combine("src", project), "-c", "Release", "--no-build", "-v", "q", "-o", packages);
        }

        string native = Directory.GetFiles(packages, "HybridEngine.Native.*.nupkg").Single();
        using (ZipArchive zip = ZipFile.OpenRead(native))
        {
            Assert.Contains(zip.Entries, e => e.FullName == "runtimes/linux-x64/native/libhybridengine_native.so");
            Assert.Contains(zip.Entries, e => e.FullName == "README.md");
        }

        string app = Path.Combine(_scratch, "app");
        Directory.CreateDirectory(app);
        string version = Path.GetFileName(native)["HybridEngine.Native.".Length..^".nupkg".Length];
        File.WriteAllText(Path.Combine(app, "app.csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup><OutputType>Exe</OutputType><TargetFramework>net10.0</TargetFramework><Nullable>enable</Nullable><ImplicitUsings>enable</ImplicitUsings></PropertyGroup>
              <ItemGroup><PackageReference Include="HybridEngine.Rlhf" Version="{version}" /></ItemGroup>
            </Project>
            """);
        // A source and a cache of its own: nothing of ours that an earlier run left behind is used. What others made may come from the machine's own cache, or from its feed.
        string machine = Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        string others = Directory.Exists(machine) ? $"<fallbackPackageFolders><add key=\"machine\" value=\"{machine}\" /></fallbackPackageFolders>" : "";
        File.WriteAllText(Path.Combine(app, "nuget.config"), $"""
            <configuration>
              <config><add key="globalPackagesFolder" value="{Path.Combine(_scratch, "cache")}" /></config>
              <packageSources><add key="here" value="{packages}" /></packageSources>
              {others}
            </configuration>
            """);
        File.WriteAllText(Path.Combine(app, "Program.cs"), """
            using HybridEngine;
            using HybridEngine.Inference;
            using Microsoft.Extensions.DependencyInjection;
            HybridModel model = HybridModel.Load(args[0]);
            Console.WriteLine(model.Backend.Name);
            await using AsyncEngine engine = new(model, ownsModel: true);
            GenerationResult[] answer = await engine.GenerateAsync(new GenerationRequest { Prompt = [5, 6, 7], Sampling = new SamplingOptions { Temperature = 0, MaxTokens = 4, IgnoreEos = true } });
            Console.WriteLine(string.Join(' ', answer[0].TokenIds));
            // The contracts of the interfaces come with the package.
            IServiceCollection? services = null;
            if (args.Length > 1) { services!.AddHybridEngine(args[0]).AddSingleton<Microsoft.Extensions.AI.IChatClient>(p => p.GetRequiredService<HybridChatClient>()); }
            """);
        Run(app, "dotnet", "build", "-c", "Release", "-v", "q", "-o", "out");
        string[] lines = Run(app, "dotnet", Path.Combine("out", "app.dll"), RepoRoot.Golden("models", "llama")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        Assert.Equal("cpu", lines[0]);
        Assert.Equal(4, lines[1].Split(' ').Length);

        // Without the native library the same program says so and goes on, slowly, to the same answer.
        foreach (string file in Directory.EnumerateFiles(Path.Combine(app, "out"), "libhybridengine_native.so", SearchOption.AllDirectories)) { File.Delete(file); }
        string[] fallback = Run(app, "dotnet", Path.Combine("out", "app.dll"), RepoRoot.Golden("models", "llama")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("reference", fallback[0]);
        Assert.Equal(lines[1], fallback[1]);
    }

    private static string Run(string folder, string program, params string[] arguments)
    {
        ProcessStartInfo info = new(program) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string a in arguments) { info.ArgumentList.Add(a); }
        // The scratch project stands alone: properties of the test run are not its own.
        foreach (string name in (string[])["MSBuildSDKsPath", "MSBuildExtensionsPath", "MSBUILD_EXE_PATH", "HE_NATIVE_LIBRARY"]) { info.Environment.Remove(name); }
        using Process process = Process.Start(info)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        Assert.True(process.WaitForExit(TimeSpan.FromMinutes(10)), $"{program} {string.Join(' ', arguments)} did not end");
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {output.Result}{error.Result}");
        return output.Result;
    }
}
