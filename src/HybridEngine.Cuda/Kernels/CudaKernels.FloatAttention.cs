using HybridEngine.Core;

namespace HybridEngine.Cuda;

// Attention in float32, heads of any size up to 256, keys and values of any type of cache.
public sealed unsafe partial class CudaKernels
{
    private const int FloatTile = 32;

    // Heads that a kernel is written for: this size or less.
    private static readonly int[] _floatWidths = [32, 64, 128, 256];
    private static readonly Kernel[] _packedFloat = ForEachWidth("float_forward", "packed", ForwardWarps), _pagedFloat = ForEachWidth("float_forward", "paged", ForwardWarps),
        _splitFloat = ForEachWidth("float_forward", "split", SplitWarps), _dqFloat = ForEachWidth("float_backward", "backward_dq", ForwardWarps),
        _dkvFloat = ForEachWidth("float_backward", "backward_dkv", ForwardWarps);
    private static readonly Kernel _combineFloat = new("attention.float_forward", "attention_combine_f32", 32), _deltaFloat = new("attention.float_backward", "attention_delta_f32", 32);

    private static Kernel[] ForEachWidth(string file, string form, int warps) => [.. _floatWidths.Select(width => new Kernel($"attention.{file}", $"attention_{form}_f32_{width}", 32 * warps))];

    private void AttendPackedInFloat(Tensor q, Tensor k, Tensor v, Tensor offsets, AttentionOptions options, Tensor y, Tensor logSumExp)
    {
        (long tokens, int width) = (q.Shape[0], WidthOf(options));
        if (tokens == 0) { return; }
        Tensor sums = logSumExp.IsEmpty || logSumExp.IsContiguous ? logSumExp : _scratch.Rent(DType.Float32, tokens, options.QueryHeads);
        _device.Launch(_packedFloat[width], RowsGrid(tokens, options, width, ForwardWarps, offsets.Count - 1), FloatArguments(q, options, y) with
        {
            K = At(k), KStride = RowStride(k), V = At(v), VStride = RowStride(v), QueryOffsets = At(offsets), LogSumExp = At(sums), KeyType = PackedType(options),
        }, FloatSharedBytes(width, ForwardWarps));
        if (logSumExp.IsEmpty || logSumExp.IsContiguous) { return; }
        Copy(sums, logSumExp);
        _scratch.Return(sums);
    }

    private void AttendPagedInFloat(Tensor q, KvLayer cache, Tensor queryOffsets, Tensor contextLengths, Tensor blockTables, AttentionOptions options, Tensor y)
    {
        (long tokens, long sequences, int width) = (q.Shape[0], contextLengths.Count, WidthOf(options));
        if (tokens == 0 || sequences == 0) { return; }
        long chunks = Grid.Pieces(blockTables.Shape[1] * cache.BlockSize, KeyChunk);
        bool split = chunks > 1 && tokens <= MostSplitQueries;
        Tensor partial = split ? _scratch.Rent(DType.Float32, tokens, options.QueryHeads, chunks, options.HeadSize) : default;
        Tensor scales = split ? _scratch.Rent(DType.Float32, tokens, options.QueryHeads, chunks, 2) : default;
        FloatAttentionArguments a = FloatArguments(q, options, y) with
        {
            K = At(cache.Keys), V = At(cache.Values), QueryOffsets = At(queryOffsets), ContextLengths = At(contextLengths), BlockTables = At(blockTables), MaxBlocks = Int(RowStride(blockTables)),
            BlockSize = cache.BlockSize, MaxChunks = Int(chunks), Partial = At(partial), PartialScale = At(scales), KeyType = CacheType(cache),
        };
        if (!split)
        {
            _device.Launch(_pagedFloat[width], RowsGrid(tokens, options, width, ForwardWarps, sequences), a, FloatSharedBytes(width, ForwardWarps));
            return;
        }

        Grid rows = RowsGrid(tokens, options, width, SplitWarps, sequences);
        _device.Launch(_splitFloat[width], new Grid(chunks, rows.X * rows.Y, sequences), a, FloatSharedBytes(width, SplitWarps));
        _device.Launch(_combineFloat, new Grid(tokens, options.QueryHeads, sequences), a);
        _scratch.Return(partial);
        _scratch.Return(scales);
    }

    private void AttendBackwardInFloat(Tensor q, Tensor k, Tensor v, Tensor y, Tensor logSumExp, Tensor dy, Tensor offsets, AttentionOptions options, Tensor dq, Tensor dk, Tensor dv)
    {
        (long tokens, long sequences, int width) = (q.Shape[0], offsets.Count - 1, WidthOf(options));
        Tensor delta = _scratch.Rent(DType.Float32, tokens, options.QueryHeads);
        FloatAttentionBackwardArguments a = new()
        {
            Q = At(q), QStride = RowStride(q), K = At(k), KStride = RowStride(k), V = At(v), VStride = RowStride(v), Y = At(y), YStride = RowStride(y), Dy = At(dy), DyStride = RowStride(dy),
            LogSumExp = At(logSumExp), LseStride = RowStride(logSumExp), QueryOffsets = At(offsets), Alibi = At(options.AlibiSlopes), Delta = At(delta), Dq = At(dq), DqStride = RowStride(dq),
            Dk = At(dk), DkStride = RowStride(dk), Dv = At(dv), DvStride = RowStride(dv), QueryHeads = options.QueryHeads, KeyHeads = options.KeyHeads, HeadSize = options.HeadSize,
            KeyType = PackedType(options), Causal = Flag(options.Causal), Window = options.Window, Scale = options.Scale, SoftCap = options.SoftCap,
        };
        int sharedBytes = 4 * (_floatWidths[width] + 4) * (2 * ForwardWarps * RowsOf(width) + 2 * FloatTile) + 8 * ForwardWarps * FloatTile * RowsOf(width);
        _device.Launch(_deltaFloat, new Grid(tokens, options.QueryHeads), a);
        _device.Launch(_dqFloat[width], RowsGrid(tokens, options, width, ForwardWarps, sequences), a, sharedBytes);
        _device.Launch(_dkvFloat[width], new Grid(Grid.Pieces(tokens, ForwardWarps * RowsOf(width)), options.KeyHeads, sequences), a, sharedBytes);
        _scratch.Return(delta);
    }

    private static FloatAttentionArguments FloatArguments(Tensor q, AttentionOptions options, Tensor y) => new()
    {
        Q = At(q), QStride = RowStride(q), Y = At(y), YStride = RowStride(y), Alibi = At(options.AlibiSlopes), QueryHeads = options.QueryHeads, KeyHeads = options.KeyHeads, HeadSize = options.HeadSize,
        Causal = Flag(options.Causal), Window = options.Window, Scale = options.Scale, SoftCap = options.SoftCap,
    };

    private static Grid RowsGrid(long tokens, AttentionOptions options, int width, int warps, long sequences) =>
        new(Grid.Pieces(tokens * (options.QueryHeads / options.KeyHeads), warps * RowsOf(width)), options.KeyHeads, sequences);

    // kRoundedKeys or kFloatKeys of the header.
    private static int PackedType(AttentionOptions options) => options.KeyValueType == DType.BFloat16 ? 1 : 0;

    // float_rows of the header.
    private static int RowsOf(int width) => _floatWidths[width] > 64 ? 4 : 8;

    // float_attention_shared of the header.
    private static int FloatSharedBytes(int width, int warps) => 4 * (_floatWidths[width] + 4) * (warps * RowsOf(width) + 2 * FloatTile) + 4 * warps * FloatTile * RowsOf(width);

    private static int WidthOf(AttentionOptions options)
    {
        int width = Array.FindIndex(_floatWidths, w => options.HeadSize <= w);
        return width >= 0 ? width : throw new UnsupportedException("backend cuda: attention", $"heads of {options.HeadSize}", "256 or less");
    }
}
