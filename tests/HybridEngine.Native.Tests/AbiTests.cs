using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using HybridEngine.Core;
using Xunit;

namespace HybridEngine.Native.Tests;

/// <summary>The header, the bindings and the built library name the same functions with the same signatures.</summary>
public sealed class AbiTests
{
    // What each C type is in the bindings. Pointers to numbers keep their element type; text is bytes.
    private static readonly Dictionary<string, string> _clr = new()
    {
        ["void"] = "Void", ["void*"] = "Void*", ["he_status"] = "HeStatus", ["he_context*"] = "ContextHandle", ["he_context**"] = "ContextHandle&",
        ["char*"] = "Byte*", ["uint8_t"] = "Byte", ["uint8_t*"] = "Byte*", ["uint16_t*"] = "UInt16*", ["uint32_t"] = "UInt32", ["int32_t"] = "Int32", ["int32_t*"] = "Int32*",
        ["int64_t"] = "Int64", ["int64_t*"] = "Int64*", ["float"] = "Single", ["float*"] = "Single*", ["float**"] = "Single**", ["he_sampling_row*"] = "SamplingRow*", ["he_token_rule*"] = "TokenRule*", ["double"] = "Double", ["double*"] = "Double*",
    };

    private static readonly MethodInfo[] _bindings =
        [.. typeof(NativeMethods).GetMethods(BindingFlags.NonPublic | BindingFlags.Static).Where(m => m.Name.StartsWith("he_", StringComparison.Ordinal))];

    [Fact]
    public void Bindings_EverySignature_IsTheHeaders()
    {
        string header = WithoutComments(File.ReadAllText(Repository.PathOf("native/include/hybridengine/he.h")));
        string[] expected = [.. Regex.Matches(header, @"HE_API\s+([^;(]*?)\s*(he_\w+)\s*\(([^)]*)\)")
            .Select(m => $"{Clr(m.Groups[1].Value)} {m.Groups[2].Value}({string.Join(", ", Parameters(m.Groups[3].Value))})").Order(StringComparer.Ordinal)];
        string[] actual = [.. _bindings.Select(m => $"{m.ReturnType.Name} {m.Name}({string.Join(", ", m.GetParameters().Select(Name))})").Order(StringComparer.Ordinal)];
        Assert.NotEmpty(expected);
        Assert.Equal(expected, actual);
    }

    [Theory, InlineData("he_sampling_row", typeof(SamplingRow)), InlineData("he_token_rule", typeof(TokenRule))]
    public void Bindings_EveryStruct_HasTheHeadersFields(string name, Type type)
    {
        string header = WithoutComments(File.ReadAllText(Repository.PathOf("native/include/hybridengine/he.h")));
        string body = Regex.Match(header, $@"typedef struct {name} \{{([^}}]*)\}}").Groups[1].Value;
        string[] expected = [.. Regex.Matches(body, @"(\w+)\s+([\w,\s]+);").SelectMany(m => m.Groups[2].Value.Split(',').Select(field => $"{_clr[m.Groups[1].Value]} {field.Trim().Replace("_", "", StringComparison.Ordinal)}"))];
        string[] actual = [.. type.GetFields(BindingFlags.Public | BindingFlags.Instance).OrderBy(f => Marshal.OffsetOf(type, f.Name)).Select(f => $"{f.FieldType.Name} {f.Name.ToLowerInvariant()}")];
        Assert.NotEmpty(expected);
        Assert.Equal(expected, actual);
        Assert.Equal(0, Marshal.SizeOf(type) % sizeof(int));
    }

    [Fact]
    public void Bindings_AbiVersion_IsTheHeaders()
    {
        string header = File.ReadAllText(Repository.PathOf("native/include/hybridengine/he.h"));
        Assert.Equal($"{NativeMethods.AbiVersion}u", Regex.Match(header, @"#define HE_ABI_VERSION (\w+)").Groups[1].Value);
    }

    [SkippableFact]
    public void Library_EveryBinding_IsExported()
    {
        Repository.RequireNativeLibrary();
        foreach (MethodInfo m in _bindings) { Assert.True(NativeLibrary.TryGetExport(NativeLoader.Handle, m.Name, out _), m.Name); }
    }

    [SkippableFact]
    public void Library_ExportedSymbols_AreOurs()
    {
        Repository.RequireNativeLibrary();
        Skip.IfNot(OperatingSystem.IsLinux(), "reads the ELF symbol table");
        string[] exported = ElfSymbols.Exported(NativeLibraryReport.Current.Path!);
        Assert.Equal([.. _bindings.Select(m => m.Name).Order(StringComparer.Ordinal)], exported.Order(StringComparer.Ordinal));
    }

    private static string WithoutComments(string c) => Regex.Replace(c, @"/\*.*?\*/|//[^\n]*", " ", RegexOptions.Singleline);

    private static IEnumerable<string> Parameters(string list) =>
        list.Split(',').Select(p => p.Trim()).Where(p => p != "void").Select(p => Clr(Regex.Replace(p, @"\w+$", "")));

    private static string Clr(string type)
    {
        string bare = Regex.Replace(type, @"\bconst\b|\s", "");
        return _clr.TryGetValue(bare, out string? name) ? name : $"(no binding for C type '{bare}')";
    }

    // he_context_destroy runs while its handle is being released, so it takes the bare address.
    private static string Name(ParameterInfo p) => p.ParameterType == typeof(nint) ? "ContextHandle" : p.ParameterType.Name;
}
