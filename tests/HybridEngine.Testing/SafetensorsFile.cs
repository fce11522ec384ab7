using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace HybridEngine.Testing;

/// <summary>A small, trusting reader of safetensors files, so that an oracle's recorded values do not go through the reader under test.</summary>
public sealed class SafetensorsFile
{
    private readonly Dictionary<string, (string DType, long[] Shape, byte[] Bytes)> _entries = [];

    /// <summary>Reads all of a file.</summary>
    public SafetensorsFile(string path)
    {
        byte[] file = File.ReadAllBytes(path);
        int header = checked((int)BinaryPrimitives.ReadInt64LittleEndian(file));
        using JsonDocument json = JsonDocument.Parse(file.AsMemory(8, header));
        foreach (JsonProperty entry in json.RootElement.EnumerateObject().Where(e => e.Name != "__metadata__"))
        {
            long[] shape = [.. entry.Value.GetProperty("shape").EnumerateArray().Select(e => e.GetInt64())];
            int start = entry.Value.GetProperty("data_offsets")[0].GetInt32(), end = entry.Value.GetProperty("data_offsets")[1].GetInt32();
            _entries[entry.Name] = (entry.Value.GetProperty("dtype").GetString()!, shape, file[(8 + header + start)..(8 + header + end)]);
        }
    }

    /// <summary>Names of the tensors.</summary>
    public IReadOnlyCollection<string> Names => _entries.Keys;

    /// <summary>Extents of a tensor.</summary>
    public long[] Shape(string name) => _entries[name].Shape;

    /// <summary>Values of an F32, F64 or BF16 tensor.</summary>
    public float[] Floats(string name)
    {
        (string dtype, _, byte[] bytes) = _entries[name];
        return dtype switch
        {
            "F32" => MemoryMarshal.Cast<byte, float>(bytes).ToArray(),
            "F64" => [.. MemoryMarshal.Cast<byte, double>(bytes).ToArray().Select(v => (float)v)],
            "BF16" => [.. MemoryMarshal.Cast<byte, ushort>(bytes).ToArray().Select(v => BitConverter.UInt32BitsToSingle((uint)v << 16))],
            _ => throw new NotSupportedException($"{name} is {dtype}"),
        };
    }

    /// <summary>Values of an I32 or I64 tensor.</summary>
    public int[] Integers(string name)
    {
        (string dtype, _, byte[] bytes) = _entries[name];
        return dtype switch
        {
            "I32" => MemoryMarshal.Cast<byte, int>(bytes).ToArray(),
            "I64" => [.. MemoryMarshal.Cast<byte, long>(bytes).ToArray().Select(v => checked((int)v))],
            _ => throw new NotSupportedException($"{name} is {dtype}"),
        };
    }
}
