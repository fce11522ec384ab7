using System.Text.Json;

namespace HybridEngine.Training.Tests;

/// <summary>Recorded outputs of other implementations: those copied to tests/golden, else those beside the checkout; absent ones skip the test.</summary>
public static class GoldenFiles
{
    public static string Root { get; } = FindRoot();

    /// <summary>A file or folder below golden/.</summary>
    public static string Find(string relative) => FindBeside("golden/" + relative);

    /// <summary>A file or folder below tests/ or ../shared/, such as <c>golden/models/llama</c>.</summary>
    public static string FindBeside(string relative)
    {
        foreach (string candidate in (string[])[Path.Combine(Root, "tests", relative), Path.Combine(Root, "../shared", relative)])
        {
            if (Directory.Exists(candidate) || File.Exists(candidate)) { return candidate; }
        }

        Skip.If(true, $"{relative} is neither in tests nor in ../shared");
        return "";
    }

    public static JsonElement Json(string path) => JsonDocument.Parse(File.ReadAllText(path)).RootElement;

    public static int[] Ints(this SafetensorsFile file, string name) => [.. file[name].ToInt64Array().Select(x => (int)x)];

    public static float[] Floats(this SafetensorsFile file, string name) => file[name].ToArray();

    public static double[] Doubles(this JsonElement element) => [.. element.EnumerateArray().Select(x => x.GetDouble())];

    public static int[] Ints(this JsonElement element) => [.. element.EnumerateArray().Select(x => x.GetInt32())];

    private static string FindRoot()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "HybridEngine.sln"))) { folder = Path.GetDirectoryName(folder); }
        return folder ?? throw new DirectoryNotFoundException("the tests run outside of a checkout");
    }
}
