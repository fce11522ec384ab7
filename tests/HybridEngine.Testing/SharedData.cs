using Xunit;

namespace HybridEngine.Testing;

/// <summary>The folder of models, data and recorded outputs beside the checkout (../shared, or where HE_SHARED points). A plain clone lacks it; tests that need it are skipped with a reason.</summary>
public static class SharedData
{
    /// <summary>The folder, whether or not it exists.</summary>
    public static string Root { get; } = Environment.GetEnvironmentVariable("HE_SHARED") ?? Path.GetFullPath(RepoRoot.Combine("..", "shared"));

    /// <summary>Full path of a file or folder in it, whether or not it exists.</summary>
    public static string At(params string[] parts) => Path.Combine([Root, .. parts]);

    /// <summary>Null when the file or folder is there, else why a test cannot run.</summary>
    public static string? WhyMissing(params string[] parts)
    {
        string path = At(parts);
        return File.Exists(path) || Directory.Exists(path) ? null : $"{path} is not on this machine (set HE_SHARED to the folder that holds {Path.Combine(parts)})";
    }

    /// <summary>The path of a file or folder, or a skipped test; for use in a <see cref="SkippableFactAttribute"/>.</summary>
    public static string Require(params string[] parts)
    {
        string? reason = WhyMissing(parts);
        Skip.If(reason is not null, reason);
        return At(parts);
    }
}
