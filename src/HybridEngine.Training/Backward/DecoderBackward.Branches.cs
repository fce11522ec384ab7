using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Training;

// Attention and MLP: d is the gradient of the branch's output, dx receives that of its input. dx may be d itself when it accumulates: d is read first.
public sealed partial class DecoderBackward
{
    private void MlpBackward(int layer, BlockTape tape, Tensor x, Tensor d, Tensor dx, bool accumulate)
    {
        MlpParameters parameters = _decoder.Blocks[layer].Mlp;
        Tensor dOutput = BackThroughOutputNorm(parameters.OutputNorm, tape.MlpOutput, d);
        if (parameters.Experts is { } experts) { ExpertsBackward(experts, tape, x, dOutput, dx, accumulate); }
        else { DenseBackward(parameters, tape, x, dOutput, dx, accumulate); }
        if (parameters.OutputNorm is not null) { _pool.Return(dOutput); }
    }

    private void DenseBackward(MlpParameters parameters, BlockTape tape, Tensor x, Tensor dOutput, Tensor dx, bool accumulate)
    {
        Tensor dActivated = _pool.Rent(DType.Float32, tape.Activated.Shape[0], tape.Activated.Shape[1]);
        ProjectBackward(parameters.Down!, tape.Activated, dOutput, dActivated);
        ProjectBackward(parameters.Up!, x, ActivationBackward(tape.Up, dActivated), dx, accumulate);
        _pool.Return(dActivated);
    }

    // In place: over the gate and up columns, or over the upstream gradient.
    private Tensor ActivationBackward(Tensor up, Tensor dActivated)
    {
        if (!_config.GatedMlp)
        {
            _kernels.ActivateBackward(_config.Activation, up, dActivated, dActivated);
            return dActivated;
        }

        long width = dActivated.Shape[1];
        (Tensor gate, Tensor factor) = (up.Slice(1, 0, width), up.Slice(1, width, width));
        _kernels.GateBackward(_config.Activation, gate, factor, dActivated, gate, factor);
        return up;
    }

    // The gradient of attention's result, [tokens, query width]; of d, the gradient of the branch's output, there may be some rows only.
    private Tensor AttentionOutputBackward(int layer, BlockTape tape, Tensor rows, Tensor d)
    {
        AttentionParameters parameters = _decoder.Blocks[layer].Attention;
        Tensor dOutput = BackThroughOutputNorm(parameters.OutputNorm, tape.AttentionOutput, d);
        Tensor dAttention = _pool.Rent(DType.Float32, d.Shape[0], _config.QueryWidth), read = tape.Attention;
        if (!rows.IsEmpty)
        {
            read = _pool.Rent(DType.Float32, rows.Count, _config.QueryWidth);
            _kernels.GatherRows(tape.Attention, rows, read);
        }

        ProjectBackward(parameters.Output, read, dOutput, dAttention);
        if (!rows.IsEmpty) { _pool.Return(read); }
        if (parameters.OutputNorm is not null) { _pool.Return(dOutput); }
        return Spread(dAttention, rows, tape.Attention.Shape[0]);
    }

    // From the gradient of attention's result, which goes back to the pool, to that of the branch's input.
    private void AttentionBackward(int layer, BlockTape tape, PackedTokens tokens, Tensor x, Tensor dAttention, Tensor dx, bool accumulate)
    {
        AttentionParameters parameters = _decoder.Blocks[layer].Attention;
        long count = dAttention.Shape[0];
        Tensor dFused = HeadsBackward(layer, tape, tokens, dAttention.View(count, _config.QueryHeads, _config.HeadSize));
        _pool.Return(dAttention);
        ProjectBackward(parameters.QueryKeyValue, x, dFused, dx, accumulate);
        _pool.Return(dFused);
    }

    // The gradient of the fused projection; the caller gives it back.
    private Tensor HeadsBackward(int layer, BlockTape tape, PackedTokens tokens, Tensor dy)
    {
        AttentionParameters parameters = _decoder.Blocks[layer].Attention;
        long count = dy.Shape[0];
        Tensor dFused = _pool.Rent(DType.Float32, count, _config.QueryWidth + 2 * _config.KeyWidth);
        (Tensor q, Tensor k, Tensor v) = _config.SplitHeads(tape.QueryKeyValue);
        (Tensor dq, Tensor dk, Tensor dv) = _config.SplitHeads(dFused);
        bool normed = parameters.QueryNorm is not null;
        (Tensor dqIn, Tensor dkIn) = (dq, dk);
        if (normed)
        {
            (q, k) = (tape.Query.Output, tape.Key.Output);
            dq = _pool.Rent(DType.Float32, count, _config.QueryHeads, _config.HeadSize);
            dk = _pool.Rent(DType.Float32, count, _config.KeyHeads, _config.HeadSize);
        }

        Tensor y = tape.Attention.View(count, _config.QueryHeads, _config.HeadSize);
        _kernels.AttentionBackward(q, k, v, y, tape.LogSumExp, dy, tokens.Offsets, _decoder.Attention(layer), dq, dk, dv);
        _decoder.Rotate(layer, dq, tokens.Positions, inverse: true);
        _decoder.Rotate(layer, dk, tokens.Positions, inverse: true);
        if (normed)
        {
            HeadNormBackward(parameters.QueryNorm!, tape.Query, dq, dqIn);
            HeadNormBackward(parameters.KeyNorm!, tape.Key, dk, dkIn);
        }

        return dFused;
    }

    // Also copies the result into the columns of the fused projection and gives dy back.
    private void HeadNormBackward(NormParameters norm, HeadNormTape tape, Tensor dy, Tensor dFusedColumns)
    {
        (long rows, long width) = (dy.Count / norm.Weight.Rows, norm.Weight.Rows);
        Tensor flat = dy.View(rows, width);
        _kernels.NormBackward(flat, tape.Input.View(rows, width), norm.Weight.Value, tape.Statistics, _config.Norm, flat, norm.Weight.Gradient, norm.Bias?.Gradient ?? default);
        _kernels.Copy(dy, dFusedColumns);
        _pool.Return(dy);
    }
}
