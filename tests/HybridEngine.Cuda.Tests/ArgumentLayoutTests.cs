using System.Reflection;
using System.Text.RegularExpressions;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Cuda.Tests;

/// <summary>Every structure of arguments has the fields of the kernel's header, in its order: both compilers then lay it out alike. (The driver compares sizes at every launch.)</summary>
public sealed class ArgumentLayoutTests
{
    private static readonly Dictionary<string, string> _clr = new()
    {
        ["int"] = "Int32", ["unsigned"] = "UInt32", ["long long"] = "Int64", ["unsigned long long"] = "UInt64", ["float"] = "Single", ["double"] = "Double",
    };

    private static readonly string[] _headers =
        [.. Directory.GetFiles(RepoRoot.Combine("native", "cuda"), "*.h", SearchOption.AllDirectories).Select(f => Regex.Replace(File.ReadAllText(f), @"/\*.*?\*/|//[^\n]*", " ", RegexOptions.Singleline))];

    public static TheoryData<string> Structures => [.. typeof(CudaKernels).Assembly.GetTypes().Where(IsArguments).Select(t => t.Name)];

    [Theory, MemberData(nameof(Structures))]
    public void Structure_EveryField_IsTheHeaders(string name)
    {
        Type type = typeof(CudaKernels).Assembly.GetTypes().Single(t => t.Name == name);
        string[] actual = [.. type.GetFields(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance).OrderBy(f => f.MetadataToken).Select(f => $"{f.FieldType.Name} {f.Name.ToLowerInvariant()}")];
        Assert.Equal(HeaderFields(name), actual);
        Assert.True(type.StructLayoutAttribute is { Value: System.Runtime.InteropServices.LayoutKind.Sequential }, $"{name} is laid out by hand");
    }

    [Fact]
    public void Structures_AreFound() => Assert.Contains(typeof(CudaKernels).Assembly.GetTypes().Where(IsArguments), t => t.Name == "NormArguments");

    // Those that kernels take, and those inside of them.
    private static bool IsArguments(Type type) => type is { IsValueType: true, IsEnum: false, Namespace: "HybridEngine.Cuda", IsNested: false } && HeaderBody(type.Name) is not null;

    private static string? HeaderBody(string name) =>
        _headers.Select(h => Regex.Match(h, $@"\bstruct {name} \{{(.*?)\n\}};", RegexOptions.Singleline)).FirstOrDefault(m => m.Success)?.Groups[1].Value;

    private static string[] HeaderFields(string name)
    {
        // Functions have bodies of one level within one of their own at most.
        string body = Regex.Replace(HeaderBody(name)!, @"\b(HE_GPU|HE_BOTH|constexpr)\b[^;{}]*\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}", " ", RegexOptions.Singleline);
        return [.. Regex.Matches(body, @"\s*(Global<[^>]*>|unsigned long long|long long|[A-Za-z]\w*)\s+([^;()]+);")
            .SelectMany(m => m.Groups[2].Value.Split(',').Select(field => $"{Clr(m.Groups[1].Value)} {Field(field)}"))];
    }

    private static string Clr(string type) => type.StartsWith("Global<", StringComparison.Ordinal) ? "IntPtr" : _clr.GetValueOrDefault(type, type);

    private static string Field(string declared) => Regex.Replace(declared, @"=.*$", "").Replace("_", "", StringComparison.Ordinal).Trim().ToLowerInvariant();
}
