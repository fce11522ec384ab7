using System.Text.RegularExpressions;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Architecture.Tests;

/// <summary>Rules that project references cannot express, checked in the sources.</summary>
public sealed partial class SourceRuleTests
{
    [Theory]
    [InlineData("HybridEngine.Core"), InlineData("HybridEngine.Models"), InlineData("HybridEngine.Inference"), InlineData("HybridEngine.Training"), InlineData("HybridEngine.Rlhf"), InlineData("HybridEngine.Cli")]
    public void Room_BelowOrBesideTheFrontDoor_NamesNoBackend(string room) => Assert.Empty(Matches(Sources("src", room), BackendName()));

    // Exceptions: what stands in for ManagedCuda declares the driver's calls; one file asks the system for memory, which every backend's tensors are made of.
    [Fact]
    public void NativeCalls_AreDeclaredInTheNativeRoomOnly()
    {
        string[] native = [RepoRoot.Combine("src", "HybridEngine.Native") + Path.DirectorySeparatorChar, RepoRoot.Combine("src", "Compat", "ManagedCuda") + Path.DirectorySeparatorChar];
        string largePages = RepoRoot.Combine("src", "HybridEngine.Core", "Tensors", "LargePages.cs");
        Assert.Empty(Matches(Sources("src").Where(f => f != largePages && !native.Any(n => f.StartsWith(n, StringComparison.Ordinal))), NativeImport()));
    }

    [Theory, InlineData("HybridEngine.Inference"), InlineData("HybridEngine.Training"), InlineData("HybridEngine.Rlhf"), InlineData("HybridEngine.Cli"), InlineData("HybridEngine")]
    public void Room_AboveTheKernels_SeesNoPointer(string room) => Assert.Empty(Matches(Sources("src", room), Pointer()));

    [Fact]
    public void EveryNamespace_IsItsProject()
    {
        List<string> wrong = [];
        foreach (string file in Sources("src"))
        {
            string project = ProjectOf(file), space = Namespace().Match(File.ReadAllText(file)).Groups[1].Value;
            bool top = space.Length == 0;
            if (!top && space != project && !space.StartsWith(project + ".", StringComparison.Ordinal)) { wrong.Add($"{Path.GetRelativePath(RepoRoot.Path, file)}: {space}"); }
        }

        Assert.Empty(wrong);
    }

    [Fact]
    public void TopLevel_HoldsTheRoomsOfTheDesignAndNothingElse()
    {
        string[] folders = ["src", "native", "tests", "benchmarks", "cmake", "docs"];
        string[] files = ["HybridEngine.sln", "build.sh", "build.ps1", "README.md", "LICENSE", "global.json", "Directory.Build.props", "Directory.Packages.props"];
        // Hidden ones and what .gitignore leaves out are not part of the house.
        string[] ignored = [.. File.ReadAllLines(RepoRoot.Combine(".gitignore")).Select(l => l.Trim().TrimEnd('/'))];
        bool Counts(string name) => name[0] != '.' && !ignored.Contains(name) && !ignored.Contains("*" + Path.GetExtension(name));
        Assert.Empty(Directory.GetDirectories(RepoRoot.Path).Select(d => Path.GetFileName(d)!).Where(Counts).Except(folders));
        Assert.Empty(Directory.GetFiles(RepoRoot.Path).Select(f => Path.GetFileName(f)!).Where(Counts).Except(files));
    }

    [Fact]
    public void Kernels_IncludeNoHeaderWithInlineCode()
    {
        // An inline function compiled with AVX-512 flags could be the copy that the linker keeps for everyone (native/cpu/simd/isa.h).
        string[] allowed = ["cstddef", "cstdint", "stddef.h", "stdint.h", "math.h", "string.h", "immintrin.h"];
        List<string> wrong = [];
        foreach (string file in NativeSources("cpu"))
        {
            foreach (Match include in Include().Matches(File.ReadAllText(file)))
            {
                string header = include.Groups[2].Value;
                bool ours = include.Groups[1].Value == "\"" && (header.StartsWith("cpu/", StringComparison.Ordinal) || header.StartsWith("core/", StringComparison.Ordinal));
                if (!ours && !allowed.Contains(header)) { wrong.Add($"{Path.GetRelativePath(RepoRoot.Path, file)}: {header}"); }
            }
        }

        Assert.Empty(wrong);
        Assert.NotEmpty(NativeSources("cpu"));
    }

    [Fact]
    public void Kernels_DoNotKnowTheAbi() => Assert.DoesNotContain(NativeSources("cpu"), f => File.ReadAllText(f).Contains("hybridengine/he.h", StringComparison.Ordinal));

    private static IEnumerable<string> Matches(IEnumerable<string> files, Regex pattern) =>
        files.Select(f => (File: f, Match: pattern.Match(File.ReadAllText(f)))).Where(m => m.Match.Success).Select(m => $"{Path.GetRelativePath(RepoRoot.Path, m.File)}: {m.Match.Value}");

    private static string[] Sources(params string[] folder)
    {
        string[] files = Directory.GetFiles(RepoRoot.Combine(folder), "*.cs", SearchOption.AllDirectories);
        Assert.NotEmpty(files);
        return files;
    }

    private static string[] NativeSources(string folder) => [.. Directory.GetFiles(RepoRoot.Combine("native", folder), "*.*", SearchOption.AllDirectories).Where(f => f.EndsWith(".h", StringComparison.Ordinal) || f.EndsWith(".cpp", StringComparison.Ordinal))];

    private static string ProjectOf(string file)
    {
        for (DirectoryInfo folder = new FileInfo(file).Directory!; ; folder = folder.Parent!)
        {
            if (folder.GetFiles("*.csproj") is [FileInfo project]) { return Path.GetFileNameWithoutExtension(project.Name); }
        }
    }

    [GeneratedRegex(@"\bHybridEngine\.(Native|Reference|Cuda|Ilgpu)\b|\b(Native|Reference|Cuda|Ilgpu)Kernels\b|\bManagedCuda\b|\bILGPU\b(?!\s+accelerator)")]
    private static partial Regex BackendName();

    [GeneratedRegex(@"\b(LibraryImport|DllImport|NativeLibrary\.(Load|TryLoad|GetExport))\b")]
    private static partial Regex NativeImport();

    [GeneratedRegex(@"\bunsafe\b|\bnint\b|\bIntPtr\b|\.Address\b")]
    private static partial Regex Pointer();

    [GeneratedRegex(@"^namespace ([\w.]+)", RegexOptions.Multiline)]
    private static partial Regex Namespace();

    [GeneratedRegex("^\\s*#\\s*include\\s*([<\"])([^>\"]+)", RegexOptions.Multiline)]
    private static partial Regex Include();
}
