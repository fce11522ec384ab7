using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>One memory-mapped GGUF file, version 2 or 3, little-endian: metadata and tensors, all bounds checked before anything is read.</summary>
/// <remarks>Format: github.com/ggml-org/ggml/blob/master/docs/gguf.md. Shapes are turned round here: row-major, outermost first, as everywhere else.</remarks>
public sealed class GgufFile : IDisposable, IGgufContents
{
    internal const uint Magic = 0x46554747;
    internal const int DefaultAlignment = 32;
    private const int LargestTable = 1 << 16;
    // Smallest possible entries: they bound the counts of a header by the bytes of the file.
    private const int SmallestPair = 8 + 4 + 1, SmallestTensor = 8 + 4 + 4 + 8;

    private readonly MappedFile _file;

    private GgufFile(MappedFile file, uint version, GgufMetadata metadata, IReadOnlyDictionary<string, StoredTensor> tensors, int alignment)
        => (_file, Version, Metadata, Tensors, Alignment) = (file, version, metadata, tensors, alignment);

    /// <summary>Path as given.</summary>
    public string Path => _file.Path;

    /// <summary>2 or 3.</summary>
    public uint Version { get; }

    /// <summary>Key-value pairs.</summary>
    public GgufMetadata Metadata { get; }

    /// <summary>All tensors by name.</summary>
    public IReadOnlyDictionary<string, StoredTensor> Tensors { get; }

    /// <summary>Every tensor's data begins at a multiple of this.</summary>
    public int Alignment { get; }

    /// <summary>Maps a file and checks its whole header.</summary>
    /// <exception cref="HybridEngineException">The file is not a sound GGUF file; the message says where.</exception>
    public static GgufFile Open(string path)
    {
        MappedFile file = MappedFile.Open(path);
        try
        {
            return Parse(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    IReadOnlyList<long>? IGgufContents.ShapeOf(string tensor) => Tensors.GetValueOrDefault(tensor)?.Shape;

    float[]? IGgufContents.Table(string tensor)
    {
        if (!Tensors.TryGetValue(tensor, out StoredTensor? found)) { return null; }
        return found.Type == StoredType.F32 && found.Count <= LargestTable ? found.ToArray() : throw new InvalidInputException($"{Path}: tensor {found}", "no small table in F32", $"at most {LargestTable} values in F32");
    }

    /// <inheritdoc />
    public void Dispose() => _file.Dispose();

    private static GgufFile Parse(MappedFile file)
    {
        string path = file.Path;
        GgufCursor cursor = new(path, file.Span(0, (int)Math.Min(file.Length, int.MaxValue)));
        uint magic = cursor.Read<uint>("magic");
        if (magic != Magic) { throw new InvalidInputException(path, $"first bytes {magic:x8}", "a GGUF file"); }
        uint version = cursor.Read<uint>("version");
        if (version is 0 or > 0xFFFF) { throw new UnsupportedException(path, $"GGUF version {version:x8} (a big-endian file?)", "2, 3, little-endian"); }
        if (version is not (2 or 3)) { throw new UnsupportedException(path, $"GGUF version {version}", "2, 3"); }
        ulong tensorCount = cursor.Read<ulong>("tensor count"), pairCount = cursor.Read<ulong>("metadata count");
        if (pairCount > (ulong)(file.Length / SmallestPair)) { throw new InvalidInputException(path, $"a metadata count of {pairCount}", $"one that a file of {file.Length} bytes can hold"); }
        if (tensorCount > (ulong)(file.Length / SmallestTensor)) { throw new InvalidInputException(path, $"a tensor count of {tensorCount}", $"one that a file of {file.Length} bytes can hold"); }

        GgufMetadata metadata = new(path);
        for (ulong i = 0; i < pairCount; i++)
        {
            string key = cursor.ReadString($"metadata key {i}");
            if (!metadata.Add(key, cursor.ReadValue(cursor.Read<uint>(key), key))) { throw new InvalidInputException($"{path}: metadata {key}", "the key twice", "every key once"); }
        }

        int alignment = metadata.Integer("general.alignment") ?? DefaultAlignment;
        if (alignment is < 8 or > 1 << 20 || alignment % 8 != 0) { throw new InvalidInputException($"{path}: metadata general.alignment", $"{alignment}", "a multiple of 8 of at most 1 MiB"); }

        List<Entry> entries = [];
        for (ulong i = 0; i < tensorCount; i++) { entries.Add(ReadEntry(ref cursor, path, i)); }
        long dataStart = ((long)cursor.Position + alignment - 1) / alignment * alignment;
        return new GgufFile(file, version, metadata, Place(file, entries, dataStart, alignment), alignment);
    }

    private static Entry ReadEntry(ref GgufCursor cursor, string path, ulong index)
    {
        string name = cursor.ReadString($"name of tensor {index}");
        string where = $"{path}: tensor {name}";
        uint rank = cursor.Read<uint>(name);
        if (rank > 4) { throw new InvalidInputException(where, $"{rank} dimensions", "at most 4"); }
        long[] shape = new long[rank];
        for (uint d = 0; d < rank; d++)
        {
            ulong extent = cursor.Read<ulong>(name);
            if (extent > long.MaxValue) { throw new InvalidInputException(where, $"an extent of {extent}", "one that fits 63 bits"); }
            shape[rank - 1 - d] = (long)extent;
        }

        uint typeNumber = cursor.Read<uint>(name);
        StoredType type = StoredType.FromGgml(typeNumber) ?? throw new UnsupportedException(where, $"ggml type {typeNumber}", StoredType.ReadableNames);
        ulong offset = cursor.Read<ulong>(name);
        long? count = SafetensorsFile.Product(shape), bytes = count is { } n ? type.Bytes(n) : null;
        if (bytes is null || (rank > 0 && shape[^1] % type.BlockLength != 0))
        {
            throw new InvalidInputException(where, $"{type.Name} {StoredTensor.Describe(shape)}", $"rows of whole blocks of {type.BlockLength} and an addressable size");
        }

        return new Entry(name, type, shape, offset, bytes.Value);
    }

    private static Dictionary<string, StoredTensor> Place(MappedFile file, List<Entry> entries, long dataStart, int alignment)
    {
        Dictionary<string, StoredTensor> tensors = [];
        long available = file.Length - dataStart;
        foreach (Entry e in entries)
        {
            string where = $"{file.Path}: tensor {e.Name}";
            if (e.Offset % (ulong)alignment != 0) { throw new InvalidInputException(where, $"offset {e.Offset}", $"a multiple of the alignment {alignment}"); }
            if (e.Offset > (ulong)Math.Max(available, 0) || e.Bytes > available - (long)e.Offset)
            {
                throw new InvalidInputException(where, $"{e.Bytes} bytes at data offset {e.Offset}", $"data inside the file, which has {Math.Max(available, 0)} bytes of it (truncated?)");
            }

            if (!tensors.TryAdd(e.Name, new StoredTensor(file, e.Name, e.Type, e.Shape, dataStart + (long)e.Offset, e.Bytes))) { throw new InvalidInputException(where, "the name twice", "every tensor once"); }
        }

        long end = dataStart;
        string previous = "";
        foreach (StoredTensor tensor in tensors.Values.OrderBy(t => t.Offset).ThenBy(t => t.ByteCount))
        {
            if (tensor.Offset < end) { throw new InvalidInputException($"{file.Path}: tensor {tensor.Name}", $"data that overlaps tensor {previous}", "tensors one after another"); }
            (end, previous) = (tensor.Offset + tensor.ByteCount, tensor.Name);
        }

        return tensors;
    }

    private sealed record Entry(string Name, StoredType Type, long[] Shape, ulong Offset, long Bytes);
}
