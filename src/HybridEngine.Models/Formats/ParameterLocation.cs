using System.Buffers;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Where a parameter's values are and how they lie there.</summary>
/// <param name="Tensor">The stored tensor.</param>
/// <param name="Stored">The parameter in that file: which rows of the tensor, transposed or not.</param>
/// <param name="InterleavedHeads">When positive, the rows of each of that many heads are in interleaved rotary order (GGUF's Llama, llama2.c), to be read back into halves.</param>
/// <param name="Offset">What the stored values are more than the parameter's.</param>
internal sealed record ParameterLocation(StoredTensor Tensor, ParameterBinding Stored, int InterleavedHeads = 0, float Offset = 0)
{
    // Stored rows that a transposing read takes at a time: 64 columns of the destination keep its cache lines full.
    private const int Strip = 64;

    /// <summary>Extents that the tensor must have.</summary>
    public IReadOnlyList<long> Shape { get; init; } = Stored.IsVector ? [Stored.FusedRows] : Stored.Transposed ? [Stored.Columns, Stored.FusedRows] : [Stored.FusedRows, Stored.Columns];

    /// <summary>Reads the parameter, row-major in the decoder's orientation.</summary>
    public void Read(Span<float> destination)
    {
        if (Stored.Transposed && !Stored.IsVector) { ReadTransposed(destination); }
        else if (InterleavedHeads > 0) { ReadInterleaved(destination); }
        else
        {
            int columns = Stored.Columns;
            foreach ((int row, int stored, int count) in Stored.Runs()) { Tensor.Read((long)stored * columns, destination.Slice(row * columns, count * columns)); }
        }

        if (Offset != 0)
        {
            foreach (ref float value in destination) { value -= Offset; }
        }
    }

    /// <summary>The narrow type that a compact weight can be made of, or null.</summary>
    public DType? StoredType =>
        !Stored.Transposed && !Stored.IsVector && Offset == 0 && Stored.Columns % Tensor.Type.BlockLength == 0 && Tensor.Type is { StaysCompact: true, DType: { } dtype }
            ? dtype : null;

    /// <summary>Reads the parameter as it is stored (<see cref="StoredType"/>), by whole rows in the decoder's order.</summary>
    public void ReadStored(Span<byte> destination)
    {
        int columns = Stored.Columns, row = checked((int)Tensor.Type.Bytes(columns)!.Value);
        if (InterleavedHeads > 0)
        {
            int headSize = Stored.Rows / InterleavedHeads;
            for (int r = 0; r < Stored.Rows; r++) { Tensor.Bytes(((long)Stored.RowStart + InterleavedRow(r, headSize)) * columns, columns).CopyTo(destination[(r * row)..]); }
            return;
        }

        foreach ((int first, int stored, int count) in Stored.Runs()) { Tensor.Bytes((long)stored * columns, count * columns).CopyTo(destination[(first * row)..]); }
    }

    /// <summary>The row of the interleaved order that holds row <paramref name="row"/> of the halves order: (i) and (i + d/2) of a head lie at 2i and 2i + 1.</summary>
    public static int InterleavedRow(int row, int headSize)
    {
        int inHead = row % headSize, half = headSize / 2;
        return row - inHead + (inHead < half ? 2 * inHead : 2 * (inHead - half) + 1);
    }

    private void ReadInterleaved(Span<float> destination)
    {
        int headSize = Stored.Rows / InterleavedHeads, columns = Stored.Columns, head = headSize * columns;
        float[] rented = ArrayPool<float>.Shared.Rent(Math.Max(head, Stored.Rows));
        try
        {
            // A bias is read as a whole: its heads may be shorter than a block, and it is small.
            if (columns == 1) { Tensor.Read(Stored.RowStart, rented.AsSpan(0, Stored.Rows)); }
            for (int h = 0; h < InterleavedHeads; h++)
            {
                Span<float> stored = columns == 1 ? rented.AsSpan(h * headSize, headSize) : rented.AsSpan(0, head);
                if (columns > 1) { Tensor.Read(((long)Stored.RowStart + h * headSize) * columns, stored); }
                Span<float> target = destination.Slice(h * head, head);
                for (int row = 0; row < headSize; row++) { stored.Slice(InterleavedRow(row, headSize) * columns, columns).CopyTo(target[(row * columns)..]); }
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(rented);
        }
    }

    private void ReadTransposed(Span<float> destination)
    {
        int rows = Stored.Rows, columns = Stored.Columns, fused = Stored.FusedRows;
        float[] rented = ArrayPool<float>.Shared.Rent(checked(Strip * rows));
        try
        {
            for (int first = 0; first < columns; first += Strip)
            {
                int count = Math.Min(Strip, columns - first);
                for (int c = 0; c < count; c++) { Tensor.Read((long)(first + c) * fused + Stored.RowStart, rented.AsSpan(c * rows, rows)); }
                for (int r = 0; r < rows; r++)
                {
                    Span<float> target = destination.Slice(r * columns + first, count);
                    for (int c = 0; c < count; c++) { target[c] = rented[c * rows + r]; }
                }
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(rented);
        }
    }
}
