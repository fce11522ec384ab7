using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Writes a folder completely or not at all: its files are written to <c>NAME.tmp</c>, which then takes its place.</summary>
/// <remarks>A folder cannot replace another in one step everywhere, so the old one stands as <c>NAME.old</c> for a moment; <see cref="Recover"/> puts it back if the process died there.</remarks>
public static class AtomicFolder
{
    private const string Temporary = ".tmp", Old = ".old", Claim = ".lock";

    /// <summary>Fills a new folder and puts it in the place of <paramref name="path"/>.</summary>
    /// <param name="path">The folder; what was there is replaced as a whole.</param>
    /// <param name="write">Gets the folder to write into.</param>
    /// <exception cref="HybridEngineException">The disk is full or the place cannot be written; a folder that was there before is untouched.</exception>
    public static void Write(string path, Action<string> write)
    {
        path = Normal(path);
        string temporary = path + Temporary, old = path + Old;
        FileStream? claim = null;
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path) ?? throw new InvalidInputException(path, "the root of a file system", "a folder to write"));
            // Held while this process writes: a second writer of the same folder is refused, what a killed one left is taken over.
            claim = TakeClaim(path);
            PutBack(path);
            Delete(temporary);
            Directory.CreateDirectory(temporary);
            write(temporary);
            Delete(old);
            if (Directory.Exists(path)) { Directory.Move(path, old); }
            try
            {
                Directory.Move(temporary, path);
            }
            catch
            {
                if (!Directory.Exists(path) && Directory.Exists(old)) { Directory.Move(old, path); }
                throw;
            }

            Delete(old);
        }
        catch (Exception e)
        {
            try
            {
                // Without the claim the temporary folder is somebody else's.
                if (claim is not null) { Delete(temporary); }
            }
            catch (Exception second) when (second is IOException or UnauthorizedAccessException) { /* The first error is the one to report. */ }
            if (e is IOException or UnauthorizedAccessException) { throw new HybridEngineException($"{path}: cannot be written: {e.Message.TrimEnd('.')}{(Directory.Exists(path) ? "; the folder that was there is unchanged" : "")}", e); }
            throw;
        }
        finally
        {
            claim?.Dispose();
        }
    }

    /// <summary>Puts back a folder whose replacement was interrupted between its two steps; does nothing otherwise, nor while a writer is at work.</summary>
    public static void Recover(string path)
    {
        path = Normal(path);
        if (Path.Exists(path) || !Directory.Exists(path + Old)) { return; }
        try
        {
            using FileStream claim = TakeClaim(path);
            PutBack(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new HybridEngineException($"{path}: a replacement of this folder was interrupted and the former one, {path + Old}, cannot be put back: {e.Message}", e);
        }
    }

    private static FileStream TakeClaim(string path) => new(path + Claim, FileMode.Create, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);

    private static void PutBack(string path)
    {
        if (!Path.Exists(path) && Directory.Exists(path + Old)) { Directory.Move(path + Old, path); }
    }

    private static string Normal(string path) => Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));

    private static void Delete(string folder)
    {
        if (Directory.Exists(folder)) { Directory.Delete(folder, recursive: true); }
    }
}
