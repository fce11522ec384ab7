using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Training;

/// <summary>The decoder's backward, written out block by block in reverse of <see cref="DecoderForward"/>.</summary>
/// <remarks>
/// One gradient tensor <c>d</c> runs down the residual stream. Gradients of parameters are added to <see cref="Parameter.Gradient"/>; a parameter without one is frozen and skipped.
/// Gradients of activations depend on the row's own sequence only; gradients of weights sum over the batch in the order of its tokens.
/// </remarks>
public sealed partial class DecoderBackward
{
    private readonly Decoder _decoder;
    private readonly DecoderConfig _config;
    private readonly IKernels _kernels;
    private readonly TensorPool _pool;
    private readonly DecoderForward _forward;

    /// <param name="decoder">The weights.</param>
    /// <param name="pool">The pool that the tape's tensors came from.</param>
    /// <param name="forward">Brings back what the tape does not hold.</param>
    public DecoderBackward(Decoder decoder, TensorPool pool, DecoderForward forward) =>
        (_decoder, _config, _kernels, _pool, _forward) = (decoder, decoder.Config, decoder.Kernels, pool, forward);

    /// <summary>Adds the gradients of all parameters below the head. The tape's blocks are given back to the pool as the pass goes down.</summary>
    /// <param name="tokens">As in the forward.</param>
    /// <param name="tape">Filled by the forward; empty afterwards.</param>
    /// <param name="dHidden">[tokens or rows, embedding], gradient of the forward's result; used as scratch and given back to the pool.</param>
    public void Run(PackedTokens tokens, ForwardTape tape, Tensor dHidden)
    {
        Tensor d = dHidden;
        if (_decoder.ProjectOut is { } projection)
        {
            d = _pool.Rent(DType.Float32, dHidden.Shape[0], _config.HiddenSize);
            ProjectBackward(projection, tape.Final.Output, dHidden, d);
            _pool.Return(dHidden);
        }

        if (_decoder.NormBeforeAttention(_config.Layers) is { } last) { NormBackward(last, tape.Final.Sum, tape.Final, d, d); }
        if (!tape.SelectedInBlock) { d = Spread(d, tape.Rows, tokens.Ids.Count); }
        for (int l = _config.Layers - 1; l >= 0; l--)
        {
            BlockTape block = tape.Blocks[l];
            _forward.Restore(tokens, tape, l);
            Tensor rows = tape.SelectedInBlock && l == _config.Layers - 1 ? tape.Rows : default;
            if (_config.BlockOrder == BlockOrder.Serial) { d = BackThroughSerial(l, block, tokens, rows, d); }
            else { BackThroughParallel(l, block, tokens, d); }
            block.Return(_pool);
        }

        BackThroughEmbedding(tokens, tape, d);
        tape.Clear(_pool);
    }

    // Rows that the forward selected back among the tokens, whose other gradients are zero; rows that are empty are all there.
    private Tensor Spread(Tensor d, Tensor rows, long tokens)
    {
        if (rows.IsEmpty) { return d; }
        Tensor all = _pool.Rent(DType.Float32, tokens, d.Shape[1]);
        _kernels.Zero(all);
        _kernels.ScatterAddRows(d, rows, all);
        _pool.Return(d);
        return all;
    }

    // d: gradient of the sum behind the block on entry; that of the sum in front of it is returned, in d's memory unless the block selected rows.
    private Tensor BackThroughSerial(int layer, BlockTape tape, PackedTokens tokens, Tensor rows, Tensor d)
    {
        NormParameters? norm = _decoder.NormBeforeMlp(layer);
        Tensor dInput = BranchGradient(norm, d);
        MlpBackward(layer, tape, tape.MlpInput.Output, d, dInput, accumulate: dInput.Memory == d.Memory);
        BackThroughJoin(norm, tape.MlpInput, dInput, d);

        Tensor dAttention = AttentionOutputBackward(layer, tape, rows, d);
        d = Spread(d, rows, tokens.Ids.Count);
        norm = _decoder.NormBeforeAttention(layer);
        dInput = BranchGradient(norm, d);
        AttentionBackward(layer, tape, tokens, tape.AttentionInput.Output, dAttention, dInput, accumulate: dInput.Memory == d.Memory);
        BackThroughJoin(norm, tape.AttentionInput, dInput, d);
        return d;
    }

    // Both branches read d before either norm adds to it.
    private void BackThroughParallel(int layer, BlockTape tape, PackedTokens tokens, Tensor d)
    {
        NormParameters attentionNorm = _decoder.Blocks[layer].Attention.Norm!;
        NormParameters? mlpNorm = _decoder.Blocks[layer].Mlp.Norm;
        Join input = tape.AttentionInput;
        Tensor dMlp = _pool.Rent(DType.Float32, d.Shape[0], d.Shape[1]);
        MlpBackward(layer, tape, mlpNorm is null ? input.Normed : tape.MlpInput.Normed, d, dMlp, accumulate: false);
        Tensor dAttention = mlpNorm is null ? dMlp : _pool.Rent(DType.Float32, d.Shape[0], d.Shape[1]);
        AttentionBackward(layer, tape, tokens, input.Normed, AttentionOutputBackward(layer, tape, default, d), dAttention, accumulate: mlpNorm is null);
        if (mlpNorm is not null)
        {
            NormBackward(mlpNorm, input.Sum, tape.MlpInput, dMlp, d, accumulate: true);
            _pool.Return(dMlp);
        }

        NormBackward(attentionNorm, input.Sum, input, dAttention, d, accumulate: true);
        _pool.Return(dAttention);
    }

    // Where a branch's input gradient goes: into d itself when the branch reads what the residual stream carries on.
    private Tensor BranchGradient(NormParameters? norm, Tensor d) => norm is null || _config.CarriesNormed ? d : _pool.Rent(DType.Float32, d.Shape[0], d.Shape[1]);

    // d carries the residual's gradient in and the gradient of the join's sum out.
    private void BackThroughJoin(NormParameters? norm, Join join, Tensor dInput, Tensor d)
    {
        if (norm is null) { return; }
        NormBackward(norm, join.Sum, join, dInput, d, accumulate: dInput.Memory != d.Memory);
        if (dInput.Memory != d.Memory) { _pool.Return(dInput); }
    }

    // The gradient of a branch's output in front of its norm; d itself, which stays as it is, when there is none.
    private Tensor BackThroughOutputNorm(NormParameters? norm, Join kept, Tensor d)
    {
        if (norm is null) { return d; }
        Tensor dOutput = _pool.Rent(DType.Float32, d.Shape[0], d.Shape[1]);
        NormBackward(norm, kept.Sum, kept, d, dOutput);
        return dOutput;
    }

    private void NormBackward(NormParameters norm, Tensor x, Join join, Tensor dy, Tensor dx, bool accumulate = false) =>
        _kernels.NormBackward(dy, x, norm.Weight.Value, join.Statistics, _config.Norm, dx, norm.Weight.Gradient, norm.Bias?.Gradient ?? default, accumulate);

    private void BackThroughEmbedding(PackedTokens tokens, ForwardTape tape, Tensor d)
    {
        if (_decoder.EmbeddingNorm is { } norm) { NormBackward(norm, tape.EmbeddingNorm.Sum, tape.EmbeddingNorm, d, d); }
        if (_decoder.PositionEmbedding?.GradientMatrix is { } positions) { _kernels.EmbedBackward(tokens.Positions, d, positions, offset: _config.PositionOffset); }
        if (_decoder.ProjectIn is { } projection)
        {
            Tensor dEmbedded = _pool.Rent(DType.Float32, d.Shape[0], _config.EmbeddingSize);
            ProjectBackward(projection, tape.Embedded, d, dEmbedded);
            _pool.Return(d);
            d = dEmbedded;
        }

        if (_decoder.Embedding.GradientMatrix is { } table) { _kernels.EmbedBackward(tokens.Ids, d, table, _config.EmbeddingScale); }
        _pool.Return(d);
    }

    // Every projection of the body passes here, as in the forward's Project: its own gradients, then that of its input, into dx.
    private void ProjectBackward(LinearParameters map, Tensor x, Tensor dy, Tensor dx, bool accumulate = false)
    {
        if (map.Weight.GradientMatrix is { } dw) { _kernels.LinearBackwardWeight(x, dy, dw, map.Bias?.Gradient ?? default); }
        _kernels.LinearBackwardInput(dy, map.Weight.Matrix!, dx, accumulate);
    }
}
