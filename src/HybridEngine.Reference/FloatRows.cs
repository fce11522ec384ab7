using HybridEngine.Core;

namespace HybridEngine.Reference;

/// <summary>A float32 host tensor as rows: everything behind the outermost dimension is one dense row. Rank 1 is a single row.</summary>
internal readonly unsafe struct FloatRows
{
    private readonly nint _address;
    private readonly long _stride;

    public FloatRows(Tensor tensor)
    {
        bool vector = tensor.Rank == 1;
        Count = vector ? 1 : tensor.Shape[0];
        Width = Count == 0 ? 0 : checked((int)(tensor.Count / Count));
        _stride = vector ? 0 : tensor.Strides[0];
        _address = tensor.Address;
    }

    public long Count { get; }

    public int Width { get; }

    public Span<float> this[long row] => new((float*)_address + row * _stride, Width);

    /// <summary>Columns [start, start + length) of a row: one head, for example.</summary>
    public Span<float> Part(long row, int start, int length) => this[row].Slice(start, length);
}
