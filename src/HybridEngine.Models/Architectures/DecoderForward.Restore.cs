using HybridEngine.Core;

namespace HybridEngine.Models;

// What the forward did not keep for the backward. Every line is one of the forward's own, on the same values: the bits are the same.
public sealed partial class DecoderForward
{
    /// <summary>Makes a block's tape whole again, just before its backward: everything from its input where only that was kept, else what costs a pass over memory.</summary>
    /// <param name="tokens">As in the forward.</param>
    /// <param name="tape">Filled by the forward.</param>
    /// <param name="layer">Block.</param>
    public void Restore(PackedTokens tokens, ForwardTape tape, int layer)
    {
        BlockTape block = tape.Blocks[layer];
        (_source, _keep, _recomputing, _residualTaped, _pinned, _adapters) = (new Source(tokens, default, null), true, true, true, null, null);
        _rows = tape.SelectedInBlock && layer == _config.Layers - 1 ? tape.Rows : default;
        if (layer < tape.FirstWhole)
        {
            (_, Tensor branch) = RunBlock(layer, tokens.Positions, block.AttentionInput.Sum, default, block);
            _pool.Return(branch);
            return;
        }

        block.AttentionInput = WithNormed(_decoder.NormBeforeAttention(layer), block.AttentionInput, block.AttentionInput.Sum);
        if (_decoder.Blocks[layer].Attention.QueryNorm is not null) { NormQueriesAndKeys(layer, tokens.Positions, block); }
        bool serial = _config.BlockOrder == BlockOrder.Serial;
        block.MlpInput = WithNormed(serial ? _decoder.NormBeforeMlp(layer) : _decoder.Blocks[layer].Mlp.Norm, block.MlpInput, serial ? block.MlpInput.Sum : block.AttentionInput.Sum);
        RestoreMlp(layer, serial || !block.MlpInput.Normed.IsEmpty ? block.MlpInput.Output : block.AttentionInput.Normed, block);
    }

    private void RestoreMlp(int layer, Tensor x, BlockTape block)
    {
        if (_decoder.Blocks[layer].Mlp.Experts is null)
        {
            block.Activated = Activate(block.Up, _config.IntermediateSize);
            return;
        }

        block.Activated = Activate(block.Up, _config.Experts!.IntermediateSize);
        Tensor inputs = _pool.Rent(DType.Float32, block.Experts.Tokens.Count, _config.HiddenSize);
        _kernels.GatherRows(x, block.Experts.Tokens, inputs);
        block.Experts = block.Experts with { Inputs = inputs };
    }

    // The statistics are on the tape already.
    private Join WithNormed(NormParameters? norm, Join join, Tensor sum) => norm is null ? join : join with { Normed = Normalize(norm, sum, keepStatistics: false).Normed };
}
