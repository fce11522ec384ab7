using System.Runtime.InteropServices;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>A named tensor in a mapped file: shape row-major, outermost first. Reading checks types and ranges; nothing is copied before.</summary>
public sealed class StoredTensor
{
    // A read decodes at most this many values per mapped span, so that tensors beyond 2 GiB need no special case. Divides into whole blocks.
    private const int ChunkValues = 1 << 22;

    private readonly MappedFile _file;

    internal StoredTensor(MappedFile file, string name, StoredType type, long[] shape, long offset, long bytes)
    {
        (_file, Name, Type, Shape, Offset, ByteCount) = (file, name, type, shape, offset, bytes);
        Count = 1;
        foreach (long extent in shape) { Count *= extent; }
    }

    /// <summary>Name in the file.</summary>
    public string Name { get; }

    /// <summary>Stored element type.</summary>
    public StoredType Type { get; }

    /// <summary>Extents, outermost first.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>Number of values.</summary>
    public long Count { get; }

    /// <summary>First byte, counted from the start of its file.</summary>
    public long Offset { get; }

    /// <summary>Bytes in the file.</summary>
    public long ByteCount { get; }

    /// <summary>The file that holds it.</summary>
    public string FilePath => _file.Path;

    /// <summary>Reads values <c>[first, first + destination.Length)</c> of the row-major order as float32.</summary>
    /// <param name="first">A multiple of the type's block length.</param>
    /// <param name="destination">Its length is a multiple of the block length.</param>
    /// <exception cref="UnsupportedException">The engine cannot read this type.</exception>
    /// <exception cref="ArgumentException">The range does not lie inside the tensor or splits a block.</exception>
    public void Read(long first, Span<float> destination)
    {
        if (!Type.IsReadable) { throw new UnsupportedException(FilePath, $"element type {Type.Name} of tensor {Name}", StoredType.ReadableNames); }
        if (first < 0 || first > Count - destination.Length || first % Type.BlockLength != 0 || destination.Length % Type.BlockLength != 0)
        {
            throw new ArgumentException($"values [{first}, {first + destination.Length}) of {this}: not inside it, or not whole blocks of {Type.BlockLength}", nameof(destination));
        }

        for (int done = 0; done < destination.Length;)
        {
            int n = Math.Min(ChunkValues, destination.Length - done);
            Type.Decode(Bytes(first + done, n), destination.Slice(done, n));
            done += n;
        }

        GC.KeepAlive(_file);
    }

    /// <summary>Reads all values as float32; the destination has exactly <see cref="Count"/>.</summary>
    public void Read(Span<float> destination)
    {
        if (destination.Length != Count) { throw new ArgumentException($"{destination.Length} values for {this}", nameof(destination)); }
        Read(0, destination);
    }

    /// <summary>Reads all values as float32 into a new array.</summary>
    public float[] ToArray()
    {
        float[] values = new float[Count];
        Read(0, values);
        return values;
    }

    /// <summary>Reads an I64 or I32 tensor as integers.</summary>
    /// <exception cref="InvalidInputException">The tensor holds another type.</exception>
    public long[] ToInt64Array()
    {
        long[] values = new long[Count];
        ReadOnlySpan<byte> bytes = _file.Span(Offset, checked((int)ByteCount));
        if (Type == StoredType.I64) { MemoryMarshal.Cast<byte, long>(bytes).CopyTo(values); }
        else if (Type == StoredType.I32)
        {
            ReadOnlySpan<int> source = MemoryMarshal.Cast<byte, int>(bytes);
            for (int i = 0; i < values.Length; i++) { values[i] = source[i]; }
        }
        else { throw new InvalidInputException($"{FilePath}: tensor {Name}", Type.Name, "I64 or I32"); }

        GC.KeepAlive(_file);
        return values;
    }

    /// <summary>The stored bytes of values <c>[first, first + count)</c>, whole blocks; valid while the file is open.</summary>
    public ReadOnlySpan<byte> Bytes(long first, int count)
        => _file.Span(Offset + first / Type.BlockLength * Type.BlockBytes, checked((int)Type.Bytes(count)!.Value));

    /// <summary><c>name F32 [2, 3]</c></summary>
    public override string ToString() => $"{Name} {Type.Name} {Describe(Shape)}";

    internal static string Describe(IReadOnlyList<long> shape) => $"[{string.Join(", ", shape)}]";
}
