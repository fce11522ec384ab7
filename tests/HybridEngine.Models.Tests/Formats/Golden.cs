using Xunit;

namespace HybridEngine.Models.Tests;

/// <summary>Paths of recorded outputs: <c>tests/golden</c> of the checkout, and <c>../shared</c> beside it where that is present.</summary>
internal static class Golden
{
    private static readonly string _root = FindRoot();

    public static readonly string[] Models =
    [
        "llama", "llama3-rope-tied", "llama-linear-rope-bias", "mistral", "opt", "opt-350m-style", "gpt2", "gpt-neox", "gpt-neo", "gptj", "bloom", "qwen2", "qwen2-yarn", "qwen3",
        "gemma", "gemma2", "gemma3", "phi", "phi3", "olmo2", "smollm3", "mixtral", "qwen3-moe",
    ];

    /// <summary>A recorded model: the clone's copy, else the shared one; skips the test when there is neither.</summary>
    public static string Model(string name)
    {
        string local = Path.Combine(_root, "tests", "golden", "models", name);
        return Directory.Exists(local) ? local : Shared("golden", "models", name);
    }

    /// <summary>A path below <c>../shared</c>; skips the test when it is absent.</summary>
    public static string Shared(params string[] parts)
    {
        string path = Path.Combine([_root, "..", "shared", .. parts]);
        Skip.IfNot(Path.Exists(path), $"needs {Path.Combine(["../shared", .. parts])}");
        return path;
    }

    /// <summary>A path below <c>tests/golden</c>.</summary>
    public static string Local(params string[] parts) => Path.Combine([_root, "tests", "golden", .. parts]);

    private static string FindRoot()
    {
        for (DirectoryInfo? d = new(AppContext.BaseDirectory); d is not null; d = d.Parent)
        {
            if (File.Exists(Path.Combine(d.FullName, "HybridEngine.sln"))) { return d.FullName; }
        }

        throw new InvalidOperationException("the tests run inside a checkout");
    }
}
