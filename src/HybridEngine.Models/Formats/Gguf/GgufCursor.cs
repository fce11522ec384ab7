using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Walks a GGUF header; every read is checked against what is left, and no length field allocates more than the file could fill.</summary>
internal ref struct GgufCursor(string path, ReadOnlySpan<byte> bytes)
{
    // Arrays of arrays exist in the format and in no known file; a few levels are plenty.
    private const int MaxDepth = 4;
    private static readonly UTF8Encoding _strictUtf8 = new(false, throwOnInvalidBytes: true);

    private readonly ReadOnlySpan<byte> _bytes = bytes;

    /// <summary>Bytes read so far.</summary>
    public int Position { get; private set; }

    private readonly int Remaining => _bytes.Length - Position;

    /// <summary>A little-endian number.</summary>
    public T Read<T>(string what) where T : unmanaged
    {
        int size = Unsafe.SizeOf<T>();
        if (size > Remaining) { throw Truncated(what); }
        T value = MemoryMarshal.Read<T>(_bytes[Position..]);
        Position += size;
        return value;
    }

    /// <summary>A length-prefixed string in UTF-8.</summary>
    public string ReadString(string what)
    {
        ulong length = Read<ulong>(what);
        if (length > (ulong)Remaining) { throw Truncated($"{what}, a string of {length} bytes"); }
        try
        {
            string text = _strictUtf8.GetString(_bytes.Slice(Position, (int)length));
            Position += (int)length;
            return text;
        }
        catch (DecoderFallbackException)
        {
            throw new InvalidInputException($"{path}: {what}", "bytes that are not UTF-8", "a string in UTF-8");
        }
    }

    /// <summary>A metadata value of this type number: a number, bool, string, or array of one of them.</summary>
    public object ReadValue(uint type, string key, int depth = 0) => type switch
    {
        0 => Read<byte>(key),
        1 => Read<sbyte>(key),
        2 => Read<ushort>(key),
        3 => Read<short>(key),
        4 => Read<uint>(key),
        5 => Read<int>(key),
        6 => Read<float>(key),
        7 => ReadBool(key),
        8 => ReadString(key),
        9 => ReadArray(key, depth),
        10 => Read<ulong>(key),
        11 => Read<long>(key),
        12 => Read<double>(key),
        _ => throw new InvalidInputException($"{path}: metadata {key}", $"value type {type}", "a type from 0 to 12"),
    };

    private bool ReadBool(string key)
    {
        byte value = Read<byte>(key);
        return value <= 1 ? value == 1 : throw new InvalidInputException($"{path}: metadata {key}", $"{value} as a boolean", "0 or 1");
    }

    private object ReadArray(string key, int depth)
    {
        uint type = Read<uint>(key);
        ulong count = Read<ulong>(key);
        int smallest = type switch { 0 or 1 or 7 => 1, 2 or 3 => 2, 4 or 5 or 6 => 4, 9 => 12, _ => 8 };
        // Checked before anything is allocated: an array cannot have more entries than bytes that are left.
        if (count > (ulong)(Remaining / smallest)) { throw Truncated($"{key}, an array of {count} entries"); }
        if (depth == MaxDepth) { throw new InvalidInputException($"{path}: metadata {key}", $"arrays nested deeper than {MaxDepth}", "a flat array"); }
        int n = (int)count;
        switch (type)
        {
            case 0: return ReadNumbers<byte>(n, key);
            case 1: return ReadNumbers<sbyte>(n, key);
            case 2: return ReadNumbers<ushort>(n, key);
            case 3: return ReadNumbers<short>(n, key);
            case 4: return ReadNumbers<uint>(n, key);
            case 5: return ReadNumbers<int>(n, key);
            case 6: return ReadNumbers<float>(n, key);
            case 10: return ReadNumbers<ulong>(n, key);
            case 11: return ReadNumbers<long>(n, key);
            case 12: return ReadNumbers<double>(n, key);
            case 7:
                bool[] flags = new bool[n];
                for (int i = 0; i < n; i++) { flags[i] = ReadBool(key); }
                return flags;
            case 8:
                string[] texts = new string[n];
                for (int i = 0; i < n; i++) { texts[i] = ReadString(key); }
                return texts;
            case 9:
                object[] values = new object[n];
                for (int i = 0; i < n; i++) { values[i] = ReadArray(key, depth + 1); }
                return values;
            default: throw new InvalidInputException($"{path}: metadata {key}", $"an array of value type {type}", "a type from 0 to 12");
        }
    }

    private T[] ReadNumbers<T>(int count, string what) where T : unmanaged
    {
        int bytes = checked(count * Unsafe.SizeOf<T>());
        if (bytes > Remaining) { throw Truncated(what); }
        T[] values = new T[count];
        _bytes.Slice(Position, bytes).CopyTo(MemoryMarshal.AsBytes(values.AsSpan()));
        Position += bytes;
        return values;
    }

    private readonly InvalidInputException Truncated(string what)
        => new($"{path}: {what}", $"only {Remaining} bytes left at byte {Position}", "a complete GGUF header (the file is truncated or a length is damaged)");
}
