using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>A tensor to be stored; its values are asked for when their turn comes, so that one is in memory at a time.</summary>
/// <param name="Name">Name in the file.</param>
/// <param name="DType">Stored type; a block type needs rows of whole blocks.</param>
/// <param name="Shape">Extents, outermost first.</param>
/// <param name="Read">Fills all values, row-major float32.</param>
public sealed record TensorToWrite(string Name, DType DType, IReadOnlyList<long> Shape, Action<float[]> Read)
{
    // Encoded and written in pieces, whole blocks each.
    private const int PieceValues = 1 << 18;

    /// <summary>Number of values.</summary>
    public long Count => Shape.Aggregate(1L, (n, extent) => checked(n * extent));

    /// <summary>Bytes in the file.</summary>
    public long ByteCount => DType.Bytes(Count);

    internal void WriteTo(Stream stream)
    {
        float[] values = new float[Count];
        Read(values);
        byte[] buffer = new byte[DType.Bytes(Math.Min(PieceValues, values.Length))];
        for (int done = 0; done < values.Length; done += PieceValues)
        {
            ReadOnlySpan<float> piece = values.AsSpan(done, Math.Min(PieceValues, values.Length - done));
            Span<byte> bytes = buffer.AsSpan(0, (int)DType.Bytes(piece.Length));
            ElementDecoder.Encode(DType, piece, bytes);
            stream.Write(bytes);
        }
    }
}
