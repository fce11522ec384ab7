namespace HybridEngine.Models.Tests;

/// <summary>A fresh folder that is deleted at the end of the test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("hybridengine-").FullName;

    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Copies the files of a folder (not below) and returns the copy's path.</summary>
    public string CopyOf(string source, string name)
    {
        string target = Directory.CreateDirectory(File(name)).FullName;
        foreach (string file in Directory.EnumerateFiles(source))
        {
            string copy = System.IO.Path.Combine(target, System.IO.Path.GetFileName(file));
            System.IO.File.Copy(file, copy);
            System.IO.File.SetAttributes(copy, FileAttributes.Normal);
        }

        return target;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
