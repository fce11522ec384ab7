using System.Text;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Writes GGUF version 3, little-endian, completely or not at all.</summary>
public static class GgufWriter
{
    /// <summary>Writes one file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="metadata">Pairs in order; <c>general.alignment</c> is taken from them.</param>
    /// <param name="tensors">In file order, unique names; types that are written (<see cref="StoredType.IsWritable"/>) with rows of whole blocks.</param>
    public static void Write(string path, GgufMetadata metadata, IReadOnlyList<TensorToWrite> tensors)
    {
        int alignment = metadata.Integer("general.alignment") ?? GgufFile.DefaultAlignment;
        AtomicFile.Write(path, stream =>
        {
            using BinaryWriter writer = new(stream, Encoding.UTF8, leaveOpen: true);
            writer.Write(GgufFile.Magic);
            writer.Write(3u);
            writer.Write((ulong)tensors.Count);
            writer.Write((ulong)metadata.Count);
            foreach ((string key, object value) in metadata)
            {
                WriteString(writer, key);
                WriteValue(writer, key, value);
            }

            long offset = 0;
            foreach (TensorToWrite tensor in tensors)
            {
                if (tensor.Shape.Count == 0 || tensor.Shape[^1] % tensor.Type.BlockLength != 0) { throw new UnsupportedException(tensor.Name, $"{tensor.Type.Name} for {StoredTensor.Describe(tensor.Shape)}", $"rows of multiples of {tensor.Type.BlockLength}"); }
                WriteString(writer, tensor.Name);
                writer.Write((uint)tensor.Shape.Count);
                foreach (long extent in tensor.Shape.Reverse()) { writer.Write((ulong)extent); }
                writer.Write(StoredType.GgmlNumber(tensor.Type));
                writer.Write((ulong)offset);
                offset += RoundUp(tensor.ByteCount, alignment);
            }

            writer.Flush();
            Pad(stream, alignment);
            foreach (TensorToWrite tensor in tensors)
            {
                tensor.WriteTo(stream);
                Pad(stream, alignment);
            }
        });
    }

    private static long RoundUp(long bytes, int alignment) => (bytes + alignment - 1) / alignment * alignment;

    private static void Pad(Stream stream, int alignment)
    {
        for (long n = RoundUp(stream.Position, alignment) - stream.Position; n > 0; n--) { stream.WriteByte(0); }
    }

    private static void WriteString(BinaryWriter writer, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        writer.Write((ulong)bytes.Length);
        writer.Write(bytes);
    }

    private static void WriteValue(BinaryWriter writer, string key, object value)
    {
        writer.Write(TypeOf(key, value));
        if (value is Array array)
        {
            Type element = array.GetType().GetElementType()!;
            writer.Write(TypeOf(key, element == typeof(string) ? "" : Activator.CreateInstance(element)!));
            writer.Write((ulong)array.Length);
            foreach (object item in array) { WriteScalar(writer, item); }
        }
        else { WriteScalar(writer, value); }
    }

    private static uint TypeOf(string key, object value) => value switch
    {
        byte => 0,
        sbyte => 1,
        ushort => 2,
        short => 3,
        uint => 4,
        int => 5,
        float => 6,
        bool => 7,
        string => 8,
        object[] and not string[] => throw new UnsupportedException($"metadata {key}", "an array of arrays", "flat arrays"),
        Array => 9,
        ulong => 10,
        long => 11,
        double => 12,
        _ => throw new UnsupportedException($"metadata {key}", value.GetType().Name, "numbers, booleans, strings and arrays of them"),
    };

    private static void WriteScalar(BinaryWriter writer, object value)
    {
        switch (value)
        {
            case byte v: writer.Write(v); break;
            case sbyte v: writer.Write(v); break;
            case ushort v: writer.Write(v); break;
            case short v: writer.Write(v); break;
            case uint v: writer.Write(v); break;
            case int v: writer.Write(v); break;
            case float v: writer.Write(v); break;
            case bool v: writer.Write(v); break;
            case string v: WriteString(writer, v); break;
            case ulong v: writer.Write(v); break;
            case long v: writer.Write(v); break;
            case double v: writer.Write(v); break;
        }
    }
}
