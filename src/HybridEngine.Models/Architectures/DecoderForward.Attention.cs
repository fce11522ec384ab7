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
        Tensor result = Project(parameters.Output, tape.Attention);
        Free(tape.Attention);
        if (parameters.OutputNorm is { } norm) { (result, tape.AttentionOutput) = NormOutput(norm, result, _keep); }
        return result;
    }

    private Tensor AttendHeads(int layer, Tensor positions, BlockTape tape)
    {
        AttentionParameters parameters = _decoder.Blocks[layer].Attention;
        long tokens = tape.QueryKeyValue.Shape[0];
        (Tensor q, Tensor k, Tensor v) = _config.SplitHeads(tape.QueryKeyValue);
        if (parameters.QueryNorm is not null)
        {
            q = (tape.Query = NormHeads(parameters.QueryNorm, q)).Output;
            k = (tape.Key = NormHeads(parameters.KeyNorm!, k)).Output;
        }

        _decoder.Rotate(layer, q, positions);
        _decoder.Rotate(layer, k, positions);

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
        Free(tape.Query.Output);
        Free(tape.Key.Output);
        return y.View(tokens, _config.QueryWidth);
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
        Free(input);
        return new HeadNormTape(input, output, statistics);
    }
}
