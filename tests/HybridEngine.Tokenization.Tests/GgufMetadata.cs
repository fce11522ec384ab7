using System.Text;

namespace HybridEngine.Tokenization.Tests;

/// <summary>The key-value part of a GGUF file, read the plainest way: trusted files only.</summary>
internal static class GgufMetadata
{
    public static Dictionary<string, object> Read(string file)
    {
        using var reader = new BinaryReader(File.OpenRead(file), Encoding.UTF8);
        reader.ReadUInt32();
        reader.ReadUInt32();
        reader.ReadUInt64();
        ulong count = reader.ReadUInt64();
        var metadata = new Dictionary<string, object>();
        for (ulong i = 0; i < count; i++) metadata[Text(reader)] = Value(reader, reader.ReadUInt32());
        return metadata;
    }

    private static string Text(BinaryReader reader) => Encoding.UTF8.GetString(reader.ReadBytes((int)reader.ReadUInt64()));

    private static object Value(BinaryReader reader, uint type) => type switch
    {
        0 => reader.ReadByte(),
        1 => reader.ReadSByte(),
        2 => reader.ReadUInt16(),
        3 => reader.ReadInt16(),
        4 => reader.ReadUInt32(),
        5 => reader.ReadInt32(),
        6 => reader.ReadSingle(),
        7 => reader.ReadByte() != 0,
        8 => Text(reader),
        9 => Items(reader),
        10 => reader.ReadUInt64(),
        11 => reader.ReadInt64(),
        12 => reader.ReadDouble(),
        _ => throw new InvalidDataException($"type {type}"),
    };

    private static Array Items(BinaryReader reader)
    {
        uint type = reader.ReadUInt32();
        object[] items = Enumerable.Range(0, (int)reader.ReadUInt64()).Select(_ => Value(reader, type)).ToArray();
        Array typed = Array.CreateInstance(items.Length > 0 ? items[0].GetType() : typeof(object), items.Length);
        items.CopyTo(typed, 0);
        return typed;
    }
}
