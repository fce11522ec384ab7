namespace HybridEngine.Training.Tests;

/// <summary>Hidden states through either form of the forward, on the host.</summary>
public static class Hidden
{
    /// <summary>One packed forward: the rows of every sequence.</summary>
    public static float[][] Packed(Models.Decoder decoder, params int[][] sequences)
    {
        PackedBatch batch = PackedBatch.Pack(sequences);
        batch.Validate(decoder.Config);
        using TensorPool pool = new(decoder.Kernels);
        Tensor hidden = new DecoderForward(decoder, pool).Run(batch.Upload(decoder, pool));
        float[] all = new float[hidden.Count];
        decoder.Kernels.Download(hidden, all.AsSpan());
        int width = decoder.Config.EmbeddingSize;
        return [.. Enumerable.Range(0, batch.Sequences).Select(s => all[(batch.Offsets[s] * width)..(batch.Offsets[s + 1] * width)])];
    }

    /// <summary>One sequence through the paged cache in chunks of the given lengths.</summary>
    public static float[] Paged(Models.Decoder decoder, int[] ids, params IEnumerable<int> chunks)
    {
        using PagedSession session = new(decoder, ids.Length);
        List<float> rows = [];
        int done = 0;
        foreach (int chunk in chunks)
        {
            rows.AddRange(session.Append(ids.AsSpan(done, chunk)));
            done += chunk;
        }

        Assert.Equal(ids.Length, done);
        return [.. rows];
    }
}

/// <summary>One sequence in a paged cache whose blocks are handed out in a scrambled order.</summary>
public sealed class PagedSession : IDisposable
{
    private const int BlockSize = 16;
    private readonly Models.Decoder _decoder;
    private readonly KvCache _cache;
    private readonly TensorPool _pool;
    private readonly DecoderForward _forward;
    private readonly int[] _table;
    private int _length;

    public PagedSession(Models.Decoder decoder, int capacity)
    {
        _decoder = decoder;
        int blocks = (capacity + BlockSize - 1) / BlockSize;
        _cache = new KvCache(decoder.Kernels, decoder.Config, blocks + 3, BlockSize, decoder.Precision.KeyValueType);
        _table = [.. Enumerable.Range(0, blocks).Select(i => (i * 5 + 2) % (blocks + 3)).Distinct()];
        if (_table.Length < blocks) { _table = [.. Enumerable.Range(0, blocks).Select(i => blocks + 2 - i)]; }
        _pool = new TensorPool(decoder.Kernels);
        _forward = new DecoderForward(decoder, _pool);
    }

    /// <summary>Hidden states of new tokens, or of those among them that are named.</summary>
    public float[] Append(ReadOnlySpan<int> ids, params ReadOnlySpan<int> wanted)
    {
        int[] positions = [.. Enumerable.Range(_length, ids.Length)];
        int[] slots = [.. positions.Select(p => _table[p / BlockSize] * BlockSize + p % BlockSize)];
        _length += ids.Length;
        DecodeBatch batch = new(Upload(ids), Upload(positions), Upload(slots), Upload([0, ids.Length]), Upload([_length]), Upload(_table).View(1, _table.Length));
        Tensor selected = wanted.IsEmpty ? default : Upload(wanted);
        Tensor hidden = _forward.Run(batch, _cache, null, selected);
        float[] rows = new float[hidden.Count];
        _decoder.Kernels.Download(hidden, rows.AsSpan());
        foreach (Tensor t in (Tensor[])[batch.Ids, batch.Positions, batch.Slots, batch.QueryOffsets, batch.ContextLengths, batch.BlockTables, hidden, selected]) { _pool.Return(t); }
        return rows;
    }

    /// <summary>Runs one token at the next position again and again: the work of a decode step and nothing else.</summary>
    public void Step(int id, int times)
    {
        DecodeBatch batch = new(Upload([id]), Upload([_length]), Upload([_table[_length / BlockSize] * BlockSize + _length % BlockSize]), Upload([0, 1]), Upload([_length + 1]), Upload(_table).View(1, _table.Length));
        for (int i = 0; i < times; i++) { _pool.Return(_forward.Run(batch, _cache)); }
        foreach (Tensor t in (ReadOnlySpan<Tensor>)[batch.Ids, batch.Positions, batch.Slots, batch.QueryOffsets, batch.ContextLengths, batch.BlockTables]) { _pool.Return(t); }
    }

    /// <summary>Bytes that the pool has handed out and not got back.</summary>
    public long BytesInUse => _pool.BytesInUse;

    public void Dispose()
    {
        _cache.Dispose();
        _pool.Dispose();
    }

    private Tensor Upload(ReadOnlySpan<int> values)
    {
        Tensor t = _pool.Rent(DType.Int32, values.Length);
        _decoder.Kernels.Upload(values, t);
        return t;
    }
}
