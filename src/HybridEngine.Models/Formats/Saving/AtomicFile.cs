using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Writes a file completely or not at all: a temporary file beside it, flushed to the disk, takes its place at the end.</summary>
/// <remarks>The temporary name is fixed (<c>NAME.tmp</c>) and opened exclusively, so that what a killed process left is overwritten and two writers of one file meet as an error.</remarks>
public static class AtomicFile
{
    private const int BufferBytes = 1 << 20;

    /// <summary>Writes <paramref name="path"/> through <paramref name="write"/>.</summary>
    /// <exception cref="HybridEngineException">The disk is full or the place cannot be written; a file that was there before is untouched.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        string temporary = path + ".tmp";
        bool created = false;
        try
        {
            using (FileStream stream = new(temporary, FileMode.Create, FileAccess.Write, FileShare.None, BufferBytes))
            {
                created = true;
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e)
        {
            if (created) { TryDelete(temporary); }
            if (e is IOException or UnauthorizedAccessException) { throw new HybridEngineException($"{path}: cannot be written: {e.Message.TrimEnd('.')}{(File.Exists(path) ? "; the file that was there is unchanged" : "")}", e); }
            throw;
        }
    }

    /// <summary>Writes a text in UTF-8 without a byte-order mark.</summary>
    public static void WriteText(string path, string text) => Write(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text)));

    private static void TryDelete(string path)
    {
        try { File.Delete(path); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { /* The first error is the one to report. */ }
    }
}
