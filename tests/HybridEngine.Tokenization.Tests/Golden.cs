using System.Text.Json;
using Xunit;

namespace HybridEngine.Tokenization.Tests;

/// <summary>Recorded outputs: the copies in tests/golden/tokenizers, and the full set beside the checkout.</summary>
internal static class Golden
{
    public static string Root { get; } = FindRoot();

    /// <summary>A file or folder of the full set; the test is skipped where it is absent.</summary>
    public static string Shared(string path)
    {
        string full = Path.Combine(Root, "..", "shared", path);
        Skip.IfNot(File.Exists(full) || Directory.Exists(full), $"../shared/{path} is not here");
        return full;
    }

    /// <summary>A file or folder of tests/golden.</summary>
    public static string Local(string path) => Path.Combine(Root, "tests", "golden", path);

    public static JsonElement Json(string file)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(file));
        return document.RootElement.Clone();
    }

    public static int[] Ints(this JsonElement element) => [.. element.EnumerateArray().Select(item => item.GetInt32())];

    public static string[] Texts(this JsonElement element) => [.. element.EnumerateArray().Select(item => item.GetString()!)];

    public static (int, int)[] Pairs(this JsonElement element) => [.. element.EnumerateArray().Select(item => (item[0].GetInt32(), item[1].GetInt32()))];

    private static string FindRoot()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder != null && !File.Exists(Path.Combine(folder, "HybridEngine.sln"))) folder = Path.GetDirectoryName(folder);
        return folder ?? throw new InvalidOperationException("No HybridEngine.sln above the test assembly.");
    }
}
