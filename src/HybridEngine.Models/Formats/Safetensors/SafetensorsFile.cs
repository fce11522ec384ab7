using System.Buffers.Binary;
using System.Text.Json;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>One memory-mapped safetensors file, read as strictly as the format is defined: tensors cover the data without gap or overlap, sizes agree with shapes, no duplicate names.</summary>
/// <remarks>Format: 8 bytes little-endian header length n, n bytes of JSON, then the data that the header's offsets point into (github.com/huggingface/safetensors).</remarks>
public sealed class SafetensorsFile : IDisposable
{
    /// <summary>Longest header that the format allows.</summary>
    public const long MaxHeaderBytes = 100_000_000;

    private readonly MappedFile _file;

    private SafetensorsFile(MappedFile file, IReadOnlyDictionary<string, StoredTensor> tensors, IReadOnlyDictionary<string, string> metadata)
        => (_file, Tensors, Metadata) = (file, tensors, metadata);

    /// <summary>Path as given.</summary>
    public string Path => _file.Path;

    /// <summary>All tensors by name.</summary>
    public IReadOnlyDictionary<string, StoredTensor> Tensors { get; }

    /// <summary>The header's <c>__metadata__</c>.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>The tensor of this name.</summary>
    /// <exception cref="InvalidInputException">There is none.</exception>
    public StoredTensor this[string name] => Tensors.TryGetValue(name, out StoredTensor? tensor) ? tensor : throw new InvalidInputException(Path, $"no tensor {name}", "one of that name");

    /// <summary>Maps a file and checks its whole header.</summary>
    /// <exception cref="HybridEngineException">The file is not a sound safetensors file; the message says where.</exception>
    public static SafetensorsFile Open(string path)
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

    /// <inheritdoc />
    public void Dispose() => _file.Dispose();

    private static SafetensorsFile Parse(MappedFile file)
    {
        string path = file.Path;
        if (file.Length < 8) { throw new InvalidInputException(path, $"{file.Length} bytes", "a safetensors header of at least 8 bytes"); }
        ulong headerBytes = BinaryPrimitives.ReadUInt64LittleEndian(file.Span(0, 8));
        if (headerBytes > MaxHeaderBytes) { throw new InvalidInputException(path, $"a header length of {headerBytes} bytes", $"at most {MaxHeaderBytes}"); }
        if (headerBytes > (ulong)(file.Length - 8)) { throw new InvalidInputException(path, $"a file of {file.Length} bytes", $"a header of {headerBytes} bytes after the first 8 (the file is truncated)"); }
        ReadOnlySpan<byte> header = file.Span(8, (int)headerBytes);
        if (header.Length == 0 || header[0] != (byte)'{') { throw new InvalidInputException(path, "a header that does not begin with '{'", "a safetensors header"); }

        JsonElement root = JsonInput.Parse($"{path}: header", header.ToArray());
        long dataStart = 8 + (long)headerBytes;
        Dictionary<string, StoredTensor> tensors = [];
        IReadOnlyDictionary<string, string> metadata = new Dictionary<string, string>();
        foreach (JsonProperty property in root.EnumerateObject())
        {
            if (property.Name == "__metadata__") { metadata = ReadMetadata(path, property.Value); }
            else { tensors.Add(property.Name, ReadTensor(file, dataStart, property.Name, property.Value)); }
        }

        CheckCoverage(file, dataStart, tensors.Values);
        return new SafetensorsFile(file, tensors, metadata);
    }

    private static Dictionary<string, string> ReadMetadata(string path, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object) { throw new InvalidInputException($"{path}: __metadata__", $"a JSON {JsonInput.Kind(value)}", "an object of strings"); }
        Dictionary<string, string> metadata = [];
        foreach (JsonProperty p in value.EnumerateObject())
        {
            if (p.Value.ValueKind != JsonValueKind.String) { throw new InvalidInputException($"{path}: __metadata__.{p.Name}", $"a JSON {JsonInput.Kind(p.Value)}", "a string"); }
            metadata.Add(p.Name, p.Value.GetString()!);
        }

        return metadata;
    }

    private static StoredTensor ReadTensor(MappedFile file, long dataStart, string name, JsonElement entry)
    {
        string where = $"{file.Path}: tensor {name}";
        if (entry.ValueKind != JsonValueKind.Object
            || !entry.TryGetProperty("dtype", out JsonElement dtype) || dtype.ValueKind != JsonValueKind.String
            || !entry.TryGetProperty("shape", out JsonElement shapeValue)
            || !entry.TryGetProperty("data_offsets", out JsonElement offsetsValue))
        {
            throw new InvalidInputException(where, "an incomplete entry", "an object with dtype, shape and data_offsets");
        }

        StoredType type = StoredType.FromSafetensors(dtype.GetString()!) ?? throw new UnsupportedException(where, $"dtype {dtype.GetString()}", "F64, F32, F16, BF16, integers, BOOL");
        long[] shape = ReadIntegers($"{where}: shape", shapeValue);
        long[] offsets = ReadIntegers($"{where}: data_offsets", offsetsValue);
        if (offsets.Length != 2 || offsets[0] > offsets[1]) { throw new InvalidInputException($"{where}: data_offsets", StoredTensor.Describe(offsets), "[begin, end] with begin <= end"); }
        long available = file.Length - dataStart;
        if (offsets[1] > available) { throw new InvalidInputException(where, $"data up to byte {offsets[1]}", $"at most {available}, which is all that the file holds (truncated?)"); }

        long? count = Product(shape), bytes = count is { } n ? type.Bytes(n) : null;
        if (bytes != offsets[1] - offsets[0])
        {
            throw new InvalidInputException(where, $"{offsets[1] - offsets[0]} bytes", $"{bytes?.ToString() ?? "an addressable number of"} bytes for {type.Name} {StoredTensor.Describe(shape)}");
        }

        return new StoredTensor(file, name, type, shape, dataStart + offsets[0], offsets[1] - offsets[0]);
    }

    private static long[] ReadIntegers(string where, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Array) { throw new InvalidInputException(where, $"a JSON {JsonInput.Kind(value)}", "an array of integers"); }
        long[] result = new long[value.GetArrayLength()];
        int i = 0;
        foreach (JsonElement item in value.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt64(out result[i]) || result[i] < 0) { throw new InvalidInputException(where, item.GetRawText(), "an integer of at least 0"); }
            i++;
        }

        return result;
    }

    internal static long? Product(ReadOnlySpan<long> shape)
    {
        long n = 1;
        foreach (long extent in shape)
        {
            if (extent != 0 && n > long.MaxValue / extent) { return null; }
            n *= extent;
        }

        return n;
    }

    private static void CheckCoverage(MappedFile file, long dataStart, IEnumerable<StoredTensor> tensors)
    {
        long end = dataStart;
        string previous = "the header";
        foreach (StoredTensor tensor in tensors.OrderBy(t => t.Offset).ThenBy(t => t.ByteCount))
        {
            if (tensor.Offset != end)
            {
                string problem = tensor.Offset < end ? $"data that overlaps {previous}" : $"a gap of {tensor.Offset - end} bytes after {previous}";
                throw new InvalidInputException($"{file.Path}: tensor {tensor.Name}", problem, "tensors one after another");
            }

            end += tensor.ByteCount;
            previous = $"tensor {tensor.Name}";
        }

        if (end != file.Length) { throw new InvalidInputException(file.Path, $"{file.Length - end} bytes after the last tensor", "none"); }
    }
}
