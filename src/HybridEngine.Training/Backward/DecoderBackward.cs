using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Training;

/// <summary>The decoder's backward, written out block by block in reverse of <see cref="DecoderForward"/>.</summary>
/// <remarks>
/// One gradient tensor <c>d</c> runs down the residual stream. Gradients of parameters are added to <see cref="Parameter.Gradient"/>; a parameter without one is frozen and skipped.
/// Gradients of activations depend on the row's own sequence only; gradients of weights sum over the batch in the order of its tokens.
/// </remarks>
public sealed class DecoderBackward
{
    private readonly Decoder _decoder;
    private readonly DecoderConfig _config;
    private readonly IKernels _kernels;
    private readonly TensorPool _pool;
    private readonly DecoderForward _forward;

    /// <param name="decoder">The weights.</param>
    /// <param name="pool">The pool that the tape's tensors came from.</param>
    /// <param name="forward">Computes blocks again when the tape holds only their inputs.</param>
    public DecoderBackward(Decoder decoder, TensorPool pool, DecoderForward forward) =>
        (_decoder, _config, _kernels, _pool, _forward) = (decoder, decoder.Config, decoder.Kernels, pool, forward);

    /// <summary>Adds the gradients of all parameters below the head. The tape's blocks are given back to the pool as the pass goes down.</summary>
    /// <param name="tokens">As in the forward.</param>
    /// <param name="tape">Filled by the forward; empty afterwards.</param>
    /// <param name="dHidden">[tokens, embedding], gradient of the forward's result; used as scratch and given back to the pool.</param>
    public void Run(PackedTokens tokens, ForwardTape tape, Tensor dHidden)
    {
        Tensor d = dHidden;
        if (_decoder.ProjectOut is { } projection)
        {
            d = InputGradient(projection, dHidden);
            WeightGradient(projection, tape.Final.Output, dHidden);
            _pool.Return(dHidden);
        }

        if (_decoder.NormBeforeAttention(_config.Layers) is { } last) { BackThroughNorm(last, tape.Final, d, d, accumulate: false); }
        for (int l = _config.Layers - 1; l >= 0; l--)
        {
            BlockTape block = tape.Blocks[l];
            if (tape.Mode == TapeMode.BlockInputs) { _forward.Recompute(tokens, tape, l); }
            BackThroughMlp(l, block, d);
            BackThroughAttention(l, block, tokens, d);
            block.Return(_pool);
        }

        BackThroughEmbedding(tokens, tape, d);
        tape.Clear(_pool);
    }

    // d: gradient of the sum behind the MLP on entry, of the sum in front of it on return.
    private void BackThroughMlp(int layer, BlockTape tape, Tensor d)
    {
        DecoderBlock block = _decoder.Blocks[layer];
        Tensor dActivated = InputGradient(block.Down, d);
        WeightGradient(block.Down, tape.Activated, d);

        Tensor dUp = tape.Up;
        if (_config.GatedMlp)
        {
            int width = _config.IntermediateSize;
            (Tensor gate, Tensor up) = (tape.Up.Slice(1, 0, width), tape.Up.Slice(1, width, width));
            _kernels.GateBackward(_config.Activation, gate, up, dActivated, gate, up);
        }
        else
        {
            _kernels.ActivateBackward(_config.Activation, tape.Up, dActivated, dActivated);
            dUp = dActivated;
        }

        BackThroughJoin(block.Up, dUp, tape.MlpInput, _decoder.NormBeforeMlp(layer), d);
        _pool.Return(dActivated);
    }

    private void BackThroughAttention(int layer, BlockTape tape, PackedTokens tokens, Tensor d)
    {
        DecoderBlock block = _decoder.Blocks[layer];
        Tensor dAttention = InputGradient(block.AttentionOutput, d);
        WeightGradient(block.AttentionOutput, tape.Attention, d);

        long count = d.Shape[0];
        Tensor dFused = _pool.Rent(DType.Float32, count, _config.QueryWidth + 2 * _config.KeyWidth);
        (Tensor q, Tensor k, Tensor v) = _config.SplitHeads(tape.QueryKeyValue);
        (Tensor dq, Tensor dk, Tensor dv) = _config.SplitHeads(dFused);
        bool normed = block.QueryNorm is not null;
        (Tensor dqIn, Tensor dkIn) = (dq, dk);
        if (normed)
        {
            (q, k) = (tape.Query.Output, tape.Key.Output);
            dq = _pool.Rent(DType.Float32, count, _config.QueryHeads, _config.HeadSize);
            dk = _pool.Rent(DType.Float32, count, _config.KeyHeads, _config.HeadSize);
        }

        Tensor y = tape.Attention.View(count, _config.QueryHeads, _config.HeadSize);
        _kernels.AttentionBackward(q, k, v, y, tape.LogSumExp, dAttention.View(count, _config.QueryHeads, _config.HeadSize), tokens.Offsets, _config.Attention(layer), dq, dk, dv);
        _decoder.Rotate(dq, tokens.Positions, inverse: true);
        _decoder.Rotate(dk, tokens.Positions, inverse: true);
        if (normed)
        {
            BackThroughHeadNorm(block.QueryNorm!, tape.Query, dq, dqIn);
            BackThroughHeadNorm(block.KeyNorm!, tape.Key, dk, dkIn);
        }

        _pool.Return(dAttention);
        BackThroughJoin(block.QueryKeyValue, dFused, tape.AttentionInput, _decoder.NormBeforeAttention(layer), d);
        _pool.Return(dFused);
    }

    // The branch's first projection, then the join in front of it. d carries the residual's gradient in and the gradient of the join's sum out.
    private void BackThroughJoin(LinearParameters map, Tensor dy, Join join, NormParameters? norm, Tensor d)
    {
        WeightGradient(map, join.Output, dy);
        if (norm is null || _config.NormPlacement == NormPlacement.After)
        {
            // Residual and branch read the same tensor.
            _kernels.LinearBackwardInput(dy, map.Weight.Matrix!, d, accumulate: true);
            if (norm is not null) { BackThroughNorm(norm, join, d, d, accumulate: false); }
            return;
        }

        Tensor dNormed = InputGradient(map, dy);
        BackThroughNorm(norm, join, dNormed, d, accumulate: true);
        _pool.Return(dNormed);
    }

    private void BackThroughNorm(NormParameters norm, Join join, Tensor dy, Tensor dSum, bool accumulate) =>
        _kernels.NormBackward(dy, join.Sum, norm.Weight.Value, join.Statistics, _config.Norm, dSum, norm.Weight.Gradient, norm.Bias?.Gradient ?? default, accumulate);

    // Also copies the result into the columns of the fused projection and gives dy back.
    private void BackThroughHeadNorm(NormParameters norm, HeadNormTape tape, Tensor dy, Tensor dFusedColumns)
    {
        Tensor rows = dy.View(dy.Shape[0] * dy.Shape[1], dy.Shape[2]);
        Tensor input = tape.Input.View(rows.Shape[0], rows.Shape[1]);
        _kernels.NormBackward(rows, input, norm.Weight.Value, tape.Statistics, _config.HeadNorm, rows, norm.Weight.Gradient, default);
        _kernels.Copy(dy, dFusedColumns);
        _pool.Return(dy);
    }

    private void BackThroughEmbedding(PackedTokens tokens, ForwardTape tape, Tensor d)
    {
        if (_decoder.PositionEmbedding?.GradientMatrix is { } positions) { _kernels.EmbedBackward(tokens.Positions, d, positions, offset: _config.PositionOffset); }
        if (_decoder.ProjectIn is { } projection)
        {
            WeightGradient(projection, tape.Embedded, d);
            Tensor dEmbedded = InputGradient(projection, d);
            _pool.Return(d);
            d = dEmbedded;
        }

        if (_decoder.Embedding.GradientMatrix is { } table) { _kernels.EmbedBackward(tokens.Ids, d, table); }
        _pool.Return(d);
    }

    private Tensor InputGradient(LinearParameters map, Tensor dy)
    {
        Tensor dx = _pool.Rent(DType.Float32, dy.Shape[0], map.Weight.Columns);
        _kernels.LinearBackwardInput(dy, map.Weight.Matrix!, dx);
        return dx;
    }

    private void WeightGradient(LinearParameters map, Tensor x, Tensor dy)
    {
        if (map.Weight.GradientMatrix is { } dw) { _kernels.LinearBackwardWeight(x, dy, dw, map.Bias?.Gradient ?? default); }
    }
}
