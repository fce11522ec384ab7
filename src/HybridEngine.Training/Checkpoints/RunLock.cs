using HybridEngine.Core;

namespace HybridEngine.Training;

/// <summary>Holds a run folder for one process: a second one is refused, and a killed one leaves nothing behind (the system drops its lock).</summary>
public sealed class RunLock : IDisposable
{
    private const string FileName = ".lock";
    private readonly FileStream _file;

    private RunLock(FileStream file) => _file = file;

    /// <summary>Takes the folder (made when absent).</summary>
    /// <exception cref="HybridEngineException">Another process holds it, or it cannot be written.</exception>
    public static RunLock Acquire(string folder)
    {
        string path = Path.Combine(folder, FileName);
        try
        {
            Directory.CreateDirectory(folder);
            return new RunLock(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (IOException e) when (File.Exists(path))
        {
            throw new HybridEngineException($"{folder}: found another process writing this run folder, expected none (wait for it, or choose another --output)", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new HybridEngineException($"{folder}: cannot be written: {e.Message.TrimEnd('.')}", e);
        }
    }

    /// <inheritdoc />
    public void Dispose() => _file.Dispose();
}
