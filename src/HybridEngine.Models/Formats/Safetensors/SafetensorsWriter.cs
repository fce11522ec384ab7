using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Writes safetensors files as the format's own library does, byte for byte: wider types first, then by name, header padded to 8 bytes.</summary>
public static class SafetensorsWriter
{
    /// <summary>Writes one file, completely or not at all.</summary>
    /// <param name="path">The file.</param>
    /// <param name="tensors">Unique names; element types Float32, BFloat16 or Float16.</param>
    /// <param name="metadata">For <c>__metadata__</c>; <c>format: pt</c> by default, which transformers wants to see.</param>
    public static void Write(string path, IEnumerable<TensorToWrite> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        TensorToWrite[] ordered = [.. tensors.OrderByDescending(t => t.Type.BlockBytes).ThenBy(t => t.Name, StringComparer.Ordinal)];
        byte[] header = Header(ordered, metadata ?? new Dictionary<string, string> { ["format"] = "pt" });
        AtomicFile.Write(path, stream =>
        {
            Span<byte> length = stackalloc byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
            stream.Write(length);
            stream.Write(header);
            foreach (TensorToWrite tensor in ordered) { tensor.WriteTo(stream); }
        });
    }

    /// <summary>Writes a model's weights into a folder: <c>model.safetensors</c>, or shards with an index when they exceed <paramref name="shardBytes"/>.</summary>
    public static void WriteFolder(string folder, IReadOnlyList<TensorToWrite> tensors, long shardBytes = 5_000_000_000)
    {
        List<List<TensorToWrite>> shards = [[]];
        long used = 0;
        foreach (TensorToWrite tensor in tensors)
        {
            if (used > 0 && used + tensor.ByteCount > shardBytes)
            {
                shards.Add([]);
                used = 0;
            }

            shards[^1].Add(tensor);
            used += tensor.ByteCount;
        }

        if (shards.Count == 1)
        {
            Write(Path.Combine(folder, "model.safetensors"), tensors);
            return;
        }

        SortedDictionary<string, string> map = new(StringComparer.Ordinal);
        for (int i = 0; i < shards.Count; i++)
        {
            string name = $"model-{i + 1:D5}-of-{shards.Count:D5}.safetensors";
            Write(Path.Combine(folder, name), shards[i]);
            foreach (TensorToWrite tensor in shards[i]) { map.Add(tensor.Name, name); }
        }

        var index = new { metadata = new { total_size = tensors.Sum(t => t.ByteCount) }, weight_map = map };
        AtomicFile.WriteText(Path.Combine(folder, "model.safetensors.index.json"), JsonSerializer.Serialize(index, SavedJson.Indented) + "\n");
    }

    private static byte[] Header(TensorToWrite[] tensors, IReadOnlyDictionary<string, string> metadata)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter json = new(stream, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            if (metadata.Count > 0)
            {
                json.WriteStartObject("__metadata__");
                foreach ((string key, string value) in metadata.OrderBy(p => p.Key, StringComparer.Ordinal)) { json.WriteString(key, value); }
                json.WriteEndObject();
            }

            long offset = 0;
            foreach (TensorToWrite tensor in tensors)
            {
                if (tensor.Type.DType is not (DType.Float32 or DType.BFloat16 or DType.Float16)) { throw new UnsupportedException(tensor.Name, $"element type {tensor.Type.Name} in safetensors", "float32, bfloat16, float16"); }
                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", tensor.Type.Name);
                json.WriteStartArray("shape");
                foreach (long extent in tensor.Shape) { json.WriteNumberValue(extent); }
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                json.WriteNumberValue(offset += tensor.ByteCount);
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        while (stream.Length % 8 != 0) { stream.WriteByte((byte)' '); }
        return stream.ToArray();
    }
}
