using System.IO.MemoryMappedFiles;
using HybridEngine.Core;
using Microsoft.Win32.SafeHandles;

namespace HybridEngine.Models;

/// <summary>A read-only memory-mapped file whose every access is checked against the file's real length.</summary>
/// <remarks>Reading a mapping beyond the end of its file kills the process (SIGBUS), so the length is asked again at each access: a file that was cut while it is open is an error, not a crash.</remarks>
public sealed unsafe class MappedFile : IDisposable
{
    private readonly SafeFileHandle _handle;
    private readonly MemoryMappedFile _mapping;
    private readonly MemoryMappedViewAccessor _view;
    private byte* _start;

    private MappedFile(string path, SafeFileHandle handle, long length, MemoryMappedFile mapping, MemoryMappedViewAccessor view)
    {
        (Path, Length, _handle, _mapping, _view) = (path, length, handle, mapping, view);
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
    }

    /// <summary>Path as given to <see cref="Open"/>.</summary>
    public string Path { get; }

    /// <summary>Bytes in the file when it was opened.</summary>
    public long Length { get; }

    /// <summary>Maps a whole file.</summary>
    /// <exception cref="HybridEngineException">The file does not exist, is empty, or cannot be read.</exception>
    public static MappedFile Open(string path)
    {
        SafeFileHandle? handle = null;
        MemoryMappedFile? mapping = null;
        try
        {
            handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
            long length = RandomAccess.GetLength(handle);
            if (length == 0) { throw new InvalidInputException(path, "an empty file", "at least a header"); }
            mapping = MemoryMappedFile.CreateFromFile(handle, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
            return new MappedFile(path, handle, length, mapping, mapping.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read));
        }
        catch (Exception e)
        {
            mapping?.Dispose();
            handle?.Dispose();
            if (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
            {
                throw new HybridEngineException($"{path}: cannot be read: {e.Message}", e);
            }

            throw;
        }
    }

    /// <summary>Bytes <c>[offset, offset + count)</c>; valid until <see cref="Dispose"/>.</summary>
    /// <exception cref="HybridEngineException">The range is not inside the file, or the file became shorter.</exception>
    public ReadOnlySpan<byte> Span(long offset, int count)
    {
        ObjectDisposedException.ThrowIf(_start is null, this);
        if (offset < 0 || count < 0 || offset > Length - count)
        {
            throw new InvalidInputException(Path, $"{Length} bytes", $"bytes [{offset}, {offset + count})");
        }

        long now = RandomAccess.GetLength(_handle);
        if (now < Length) { throw new InvalidInputException(Path, $"{now} bytes while it is being read", $"the {Length} bytes it had when it was opened"); }
        return new ReadOnlySpan<byte>(_start + offset, count);
    }

    /// <inheritdoc />
    public void Dispose()
    {
        if (_start is null) { return; }
        _start = null;
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _mapping.Dispose();
        _handle.Dispose();
    }
}
