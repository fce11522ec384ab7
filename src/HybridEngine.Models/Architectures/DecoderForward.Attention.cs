using HybridEngine.Core;

namespace HybridEngine.Models;

// The attention branch.
public sealed partial class DecoderForward
{
    private Tensor Attend(int layer, Tensor positions, Tensor x, BlockTape tape)
    {
        AttentionParameters parameters = _decoder.Blocks[layer].Attention;
        tape.QueryKeyValue = Project(parameters.QueryKeyValue, x);
        tape.Attention = AttendHeads(layer, positions, tape);
        Tensor read = _rows.IsEmpty ? tape.Attention : Select(tape.Attention, _rows);
        Tensor result = Project(parameters.Output, read);
        if (!_rows.IsEmpty) { _pool.Return(read); }
        Free(tape.Attention);
        if (parameters.OutputNorm is { } norm) { (result, tape.AttentionOutput) = NormOutput(norm, result, _keep); }
        return result;
    }

    private Tensor AttendHeads(int layer, Tensor positions, BlockTape tape)
    {
        AttentionParameters parameters = _decoder.Blocks[layer].Attention;
        long tokens = tape.QueryKeyValue.Shape[0];
        (Tensor q, Tensor k, Tensor v) = _config.SplitHeads(tape.QueryKeyValue);
        if (parameters.QueryNorm is not null) { (q, k) = NormQueriesAndKeys(layer, positions, tape); }
        else { Rotate(layer, positions, q, k); }

        Tensor y = _pool.Rent(DType.Float32, tokens, _config.QueryHeads, _config.HeadSize);
        if (_source.Cache is { } cache)
        {
            DecodeBatch batch = _source.Batch;
            _kernels.WriteKv(k, v, batch.Slots, cache[layer]);
            _kernels.PagedAttention(q, cache[layer], batch.QueryOffsets, batch.ContextLengths, batch.BlockTables, _decoder.Attention(layer), y);
        }
        else
        {
            tape.LogSumExp = _keep ? _pool.Rent(DType.Float32, tokens, _config.QueryHeads) : default;
            _kernels.Attention(q, k, v, _source.Tokens.Offsets, _decoder.Attention(layer), y, tape.LogSumExp);
        }

        Free(tape.QueryKeyValue);
        if (!_recomputing) { DropNormedHeads(tape); }
        return y.View(tokens, _config.QueryWidth);
    }

    private (Tensor Queries, Tensor Keys) NormQueriesAndKeys(int layer, Tensor positions, BlockTape tape)
    {
        AttentionParameters parameters = _decoder.Blocks[layer].Attention;
        (Tensor q, Tensor k, _) = _config.SplitHeads(tape.QueryKeyValue);
        (tape.Query, tape.Key) = (NormHeads(parameters.QueryNorm!, q), NormHeads(parameters.KeyNorm!, k));
        Rotate(layer, positions, tape.Query.Output, tape.Key.Output);
        return (tape.Query.Output, tape.Key.Output);
    }

    private void Rotate(int layer, Tensor positions, Tensor queries, Tensor keys)
    {
        _decoder.Rotate(layer, queries, positions);
        _decoder.Rotate(layer, keys, positions);
    }

    // The fused projection, which is not rotated under such norms, has all that they are computed from.
    private void DropNormedHeads(BlockTape tape)
    {
        tape.Query.Return(_pool);
        tape.Key.Return(_pool);
        (tape.Query, tape.Key) = (default, default);
    }

    // Rows of a norm (one head, or all of a token) are not contiguous in a fused projection: copied first.
    private HeadNormTape NormHeads(NormParameters norm, Tensor x)
    {
        Tensor input = _pool.Rent(DType.Float32, x.Shape[0], x.Shape[1], x.Shape[2]);
        Tensor output = _pool.Rent(DType.Float32, x.Shape[0], x.Shape[1], x.Shape[2]);
        (long rows, long width) = (x.Count / norm.Weight.Rows, norm.Weight.Rows);
        Tensor statistics = _keep ? _pool.Rent(DType.Float32, rows, 2) : default;
        _kernels.Copy(x, input);
        _kernels.Norm(input.View(rows, width), default, norm.Weight.Value, norm.Bias?.Value ?? default, _config.Norm, default, output.View(rows, width), statistics);
        if (_keep) { return new HeadNormTape(input, output, statistics); }
        _pool.Return(input);
        return new HeadNormTape(default, output, default);
    }
}
