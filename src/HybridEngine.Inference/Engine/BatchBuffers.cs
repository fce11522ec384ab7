using System.Runtime.InteropServices;
using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Inference;

/// <summary>The device tensors of one forward, reused from step to step.</summary>
internal sealed class BatchBuffers : IDisposable
{
    private readonly Column<int> _ids, _positions, _slots, _queryOffsets, _contextLengths, _blockTables, _wanted, _rows, _copySources, _copyDestinations;

    public BatchBuffers(IKernels kernels)
    {
        (_ids, _positions, _slots) = (new(kernels), new(kernels), new(kernels));
        (_queryOffsets, _contextLengths, _blockTables) = (new(kernels), new(kernels), new(kernels));
        (_wanted, _rows, _copySources, _copyDestinations) = (new(kernels), new(kernels), new(kernels), new(kernels));
    }

    /// <summary>Lays the chunks one after another and copies everything to the device.</summary>
    public DecodeBatch Upload(List<Chunk> chunks, int blockSize)
    {
        int tokens = 0, tableWidth = 1;
        foreach (Chunk c in chunks)
        {
            tokens += c.Count;
            tableWidth = Math.Max(tableWidth, (c.Start + c.Count + blockSize - 1) / blockSize);
        }

        int sequences = chunks.Count;
        _ids.Reserve(tokens);
        _positions.Reserve(tokens);
        _slots.Reserve(tokens);
        _queryOffsets.Reserve(sequences + 1);
        _contextLengths.Reserve(sequences);
        _blockTables.Reserve(sequences * tableWidth);
        int row = 0;
        for (int i = 0; i < sequences; i++)
        {
            Chunk c = chunks[i];
            ReadOnlySpan<int> blocks = c.Sequence.Blocks, ids = c.Sequence.TokensWithDrafts(c.Drafts);
            Span<int> table = _blockTables.Host.AsSpan(i * tableWidth, tableWidth);
            int used = Math.Min(blocks.Length, tableWidth);
            blocks[..used].CopyTo(table);
            table[..c.Sequence.UnseenBlocks].Clear();   // given back: outside every window, so whatever block stands here is not read
            table[used..].Clear();
            _queryOffsets.Host[i] = row;
            _contextLengths.Host[i] = c.Start + c.Count;
            for (int position = c.Start; position < c.Start + c.Count; position++, row++)
            {
                _ids.Host[row] = ids[position];
                _positions.Host[row] = position + c.Sequence.PositionShift;
                _slots.Host[row] = blocks[position / blockSize] * blockSize + position % blockSize;
            }
        }

        _queryOffsets.Host[sequences] = row;
        return new DecodeBatch(_ids.Upload(tokens), _positions.Upload(tokens), _slots.Upload(tokens), _queryOffsets.Upload(sequences + 1),
            _contextLengths.Upload(sequences), _blockTables.Upload(sequences, tableWidth));
    }

    /// <summary>Rows of the forward whose hidden states are wanted, on the device.</summary>
    public Tensor UploadWanted(ReadOnlySpan<int> rows) => Upload(_wanted, rows);

    /// <summary>Row numbers of logits or hidden states on the device.</summary>
    public Tensor UploadRows(ReadOnlySpan<int> rows) => Upload(_rows, rows);

    /// <summary>Blocks to copy and where to.</summary>
    public (Tensor Sources, Tensor Destinations) UploadCopies(List<int> sources, List<int> destinations) =>
        (Upload(_copySources, CollectionsMarshal.AsSpan(sources)), Upload(_copyDestinations, CollectionsMarshal.AsSpan(destinations)));

    public void Dispose()
    {
        foreach (Column<int> c in (ReadOnlySpan<Column<int>>)[_ids, _positions, _slots, _queryOffsets, _contextLengths, _blockTables, _wanted, _rows, _copySources, _copyDestinations])
        {
            c.Dispose();
        }
    }

    private static Tensor Upload(Column<int> column, ReadOnlySpan<int> values)
    {
        column.Reserve(values.Length);
        values.CopyTo(column.Host);
        return column.Upload(values.Length);
    }
}
