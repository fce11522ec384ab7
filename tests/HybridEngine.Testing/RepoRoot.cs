namespace HybridEngine.Testing;

/// <summary>The checkout that the running tests belong to.</summary>
public static class RepoRoot
{
    private static readonly Lazy<string> _path = new(Find);

    /// <summary>Full path of the folder with HybridEngine.sln.</summary>
    public static string Path => _path.Value;

    /// <summary>A path below the root.</summary>
    public static string Combine(params string[] parts) => System.IO.Path.Combine([Path, .. parts]);

    /// <summary>A recorded file that is part of the repository: tests/golden/...</summary>
    public static string Golden(params string[] parts) => System.IO.Path.Combine([Path, "tests", "golden", .. parts]);

    private static string Find()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "HybridEngine.sln"))) { return folder.FullName; }
        }

        throw new InvalidOperationException($"No HybridEngine.sln above {AppContext.BaseDirectory}.");
    }
}
