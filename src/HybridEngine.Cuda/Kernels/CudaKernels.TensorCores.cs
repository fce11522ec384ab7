using HybridEngine.Core;

namespace HybridEngine.Cuda;

// Attention on tensor cores: keys and values in bf16 and heads of the sizes that the kernels are written for. Queries and results are rounded to bf16 on the way (docs/numerics.md, "CUDA").
public sealed unsafe partial class CudaKernels
{
    private const int KeyChunk = 256, RowsOfWarp = 16, ForwardWarps = 4, SplitWarps = 1;

    // Up to this many queries a step is split over its keys: a few rows would not fill the device otherwise.
    private const int MostSplitQueries = 256;

    private static readonly int[] _tensorHeadSizes = [64, 80, 96, 128, 256];
    private static readonly Kernel[] _packedTensor = ForEachSize("packed", ForwardWarps), _pagedTensor = ForEachSize("paged", ForwardWarps), _splitTensor = ForEachSize("split", SplitWarps),
        _combineTensor = ForEachSize("combine", 1);

    private static Kernel[] ForEachSize(string form, int warps) => [.. _tensorHeadSizes.Select(size => new Kernel("attention.forward", $"attention_{form}_bf16_{size}", threads: 32 * warps))];

    // Whether attention over such keys goes over tensor cores: known from the layer alone, so that every form of a model takes the same way.
    private static bool OnTensorCores(DType keys, int headSize) => keys == DType.BFloat16 && _tensorHeadSizes.AsSpan().Contains(headSize);

    private void AttendPackedOnTensorCores(Tensor q, Tensor k, Tensor v, Tensor offsets, AttentionOptions options, Tensor y, Tensor logSumExp)
    {
        long tokens = q.Shape[0];
        if (tokens == 0) { return; }
        Tensor narrowQ = Narrowed(q), narrowK = Narrowed(k), narrowV = Narrowed(v), narrowY = _scratch.Rent(DType.BFloat16, tokens, options.QueryHeads, options.HeadSize);
        Tensor sums = logSumExp.IsEmpty || logSumExp.IsContiguous ? logSumExp : _scratch.Rent(DType.Float32, tokens, options.QueryHeads);
        int size = Array.IndexOf(_tensorHeadSizes, options.HeadSize);
        AttentionArguments a = TensorArguments(narrowQ, options, narrowY) with
        {
            K = At(narrowK), KStride = RowStride(narrowK), V = At(narrowV), VStride = RowStride(narrowV), QueryOffsets = At(offsets), LogSumExp = At(sums),
        };
        _device.Launch(_packedTensor[size], new Grid(Grid.Pieces(tokens * (options.QueryHeads / options.KeyHeads), ForwardWarps * RowsOfWarp), options.KeyHeads, offsets.Count - 1), a,
            TensorSharedBytes(options.HeadSize, ForwardWarps));
        Cast(AsRows(narrowY), AsRows(y));
        if (!logSumExp.IsEmpty && !logSumExp.IsContiguous)
        {
            Copy(sums, logSumExp);
            _scratch.Return(sums);
        }

        foreach (Tensor t in (ReadOnlySpan<Tensor>)[narrowQ, narrowK, narrowV, narrowY]) { _scratch.Return(t); }
    }

    private void AttendPagedOnTensorCores(Tensor q, KvLayer cache, Tensor queryOffsets, Tensor contextLengths, Tensor blockTables, AttentionOptions options, Tensor y)
    {
        (long tokens, long sequences) = (q.Shape[0], contextLengths.Count);
        if (tokens == 0 || sequences == 0) { return; }
        int size = Array.IndexOf(_tensorHeadSizes, options.HeadSize), group = options.QueryHeads / options.KeyHeads;
        long chunks = Grid.Pieces(blockTables.Shape[1] * cache.BlockSize, KeyChunk);
        bool split = chunks > 1 && tokens <= MostSplitQueries;
        Tensor narrowQ = Narrowed(q), narrowY = _scratch.Rent(DType.BFloat16, tokens, options.QueryHeads, options.HeadSize);
        Tensor partial = split ? _scratch.Rent(DType.Float32, tokens, options.QueryHeads, chunks, options.HeadSize) : default;
        Tensor scales = split ? _scratch.Rent(DType.Float32, tokens, options.QueryHeads, chunks, 2) : default;
        AttentionArguments a = TensorArguments(narrowQ, options, narrowY) with
        {
            K = At(cache.Keys), V = At(cache.Values), QueryOffsets = At(queryOffsets), ContextLengths = At(contextLengths), BlockTables = At(blockTables), MaxBlocks = Int(RowStride(blockTables)),
            BlockSize = cache.BlockSize, MaxChunks = Int(chunks), Partial = At(partial), PartialScale = At(scales),
        };
        if (split)
        {
            _device.Launch(_splitTensor[size], new Grid(chunks, options.KeyHeads * Grid.Pieces(tokens * group, SplitWarps * RowsOfWarp), sequences), a, TensorSharedBytes(options.HeadSize, SplitWarps));
            _device.Launch(_combineTensor[size], new Grid(tokens, options.QueryHeads, sequences), a);
        }
        else { _device.Launch(_pagedTensor[size], new Grid(Grid.Pieces(tokens * group, ForwardWarps * RowsOfWarp), options.KeyHeads, sequences), a, TensorSharedBytes(options.HeadSize, ForwardWarps)); }

        Cast(AsRows(narrowY), AsRows(y));
        foreach (Tensor t in (ReadOnlySpan<Tensor>)[narrowQ, narrowY, partial, scales]) { _scratch.Return(t); }
    }

    private static AttentionArguments TensorArguments(Tensor q, AttentionOptions options, Tensor y) => new()
    {
        Q = At(q), QStride = RowStride(q), Y = At(y), YStride = RowStride(y), Alibi = At(options.AlibiSlopes), QueryHeads = options.QueryHeads, KeyHeads = options.KeyHeads,
        Causal = Flag(options.Causal), Window = options.Window, Scale = options.Scale, SoftCap = options.SoftCap,
    };

    // attention_shared of the header.
    private static int TensorSharedBytes(int headSize, int warps) => (warps * RowsOfWarp + 4 * (headSize > 128 ? 32 : 64)) * (headSize + 8) * 2;

    // A dense bf16 copy of [tokens, heads, size], from the scratch memory.
    private Tensor Narrowed(Tensor x)
    {
        Tensor narrow = _scratch.Rent(DType.BFloat16, x.Shape[0], x.Shape[1], x.Shape[2]);
        Cast(AsRows(x), AsRows(narrow));
        return narrow;
    }

    // [tokens, heads, size] as [tokens, heads * size].
    private static Tensor AsRows(Tensor x) => new(x.Memory!, x.DType, new Shape(x.Shape[0], x.Shape[1] * x.Shape[2]), new Shape(x.Strides[0], 1), x.Offset);
}
