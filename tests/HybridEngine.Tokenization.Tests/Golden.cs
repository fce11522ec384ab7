using System.Text.Json;
using HybridEngine.Testing;

namespace HybridEngine.Tokenization.Tests;

/// <summary>Recorded outputs: the copies in tests/golden/tokenizers, and the full set beside the checkout.</summary>
internal static class Golden
{
    /// <summary>A folder of tests/golden/tokenizers, or else of the full set; the test is skipped where it is in neither.</summary>
    public static string Tokenizer(string folder)
    {
        string local = RepoRoot.Combine("tests", "golden", "tokenizers", folder);
        return Directory.Exists(local) ? local : SharedData.Require("golden", "tokenizers_hf", folder);
    }

    public static JsonElement Json(string file)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(file));
        return document.RootElement.Clone();
    }

    public static int[] Ints(this JsonElement element) => [.. element.EnumerateArray().Select(item => item.GetInt32())];

    public static string[] Texts(this JsonElement element) => [.. element.EnumerateArray().Select(item => item.GetString()!)];

    public static (int, int)[] Pairs(this JsonElement element) => [.. element.EnumerateArray().Select(item => (item[0].GetInt32(), item[1].GetInt32()))];
}
