using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>A tensor to be stored; its values are asked for when their turn comes, so that one is in memory at a time.</summary>
/// <param name="Name">Name in the file.</param>
/// <param name="Type">Stored type; a block type needs rows of whole blocks.</param>
/// <param name="Shape">Extents, outermost first.</param>
/// <param name="Read">Fills all values, row-major float32.</param>
public sealed record TensorToWrite(string Name, StoredType Type, IReadOnlyList<long> Shape, Action<float[]> Read)
{
    // Encoded in parts by all processors and written in pieces, whole blocks each.
    private const int PartValues = 1 << 15, PieceValues = 1 << 20;

    /// <summary>A tensor stored as the engine's own type.</summary>
    /// <param name="name">Name in the file.</param>
    /// <param name="dtype">Stored type; a block type needs rows of whole blocks.</param>
    /// <param name="shape">Extents, outermost first.</param>
    /// <param name="read">Fills all values, row-major float32.</param>
    public TensorToWrite(string name, DType dtype, IReadOnlyList<long> shape, Action<float[]> read) : this(name, StoredType.Of(dtype), shape, read) { }

    /// <summary>Number of values.</summary>
    public long Count => Shape.Aggregate(1L, (n, extent) => checked(n * extent));

    /// <summary>Bytes in the file.</summary>
    /// <exception cref="UnsupportedException">The values do not fill whole blocks of the type.</exception>
    public long ByteCount => Type.Bytes(Count) ?? throw new UnsupportedException(Name, $"{Type.Name} for {StoredTensor.Describe(Shape)}", $"whole blocks of {Type.BlockLength}");

    internal void WriteTo(Stream stream)
    {
        float[] values = new float[Count];
        Read(values);
        RequireRange(values);
        byte[] buffer = new byte[Type.Bytes(Math.Min(PieceValues, values.Length))!.Value];
        for (int done = 0; done < values.Length; done += PieceValues)
        {
            int first = done, count = Math.Min(PieceValues, values.Length - done);
            Parallel.For(0, (count + PartValues - 1) / PartValues, part =>
            {
                int start = part * PartValues, length = Math.Min(PartValues, count - start);
                Type.Encode(values.AsSpan(first + start, length), buffer.AsSpan((int)Type.Bytes(start)!.Value, (int)Type.Bytes(length)!.Value));
            });
            stream.Write(buffer, 0, (int)Type.Bytes(count)!.Value);
        }
    }

    // Beyond float16, which is also the type of a block's scale, a value would come back as something else. What is infinite or no number stays that as a float16; a block has no form for it.
    private void RequireRange(float[] values)
    {
        if (!Type.IsBlocked && Type != StoredType.F16) { return; }
        int bad = Type.IsBlocked ? Array.FindIndex(values, v => !(Math.Abs(v) <= (float)Half.MaxValue)) : Array.FindIndex(values, v => float.IsFinite(v) && Half.IsInfinity((Half)v));
        if (bad >= 0) { throw new InvalidInputException($"tensor {Name}", $"{values[bad]} at {bad}", $"{(Type.IsBlocked ? "finite " : "")}values up to {(float)Half.MaxValue} for {Type.Name}"); }
    }
}
