using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>The decoder's one forward. Training and scoring run whole packed sequences, generation runs new tokens against the paged cache; the lines are the same except for attention's keys.</summary>
/// <remarks>
/// A decoder is a chain of joins and branches: <c>join, attention, join, MLP, join, attention, ...</c>. A join adds the branch's output to the residual stream and normalises the sum;
/// where it normalises, and which of the two values goes on, is the configuration's. In a parallel block both branches hang on one join.
/// Rows depend on their own sequence only, so hidden states are equal bit for bit in every batch and in both modes.
/// Where only some rows' hidden states are asked for, the last block's attention is the last to see the others: <c>DecoderForward.Rows.cs</c>.
/// </remarks>
public sealed partial class DecoderForward
{
    private readonly Decoder _decoder;
    private readonly DecoderConfig _config;
    private readonly IKernels _kernels;
    private readonly TensorPool _pool;
    private readonly BlockTape _scratch = new();

    // Of the pass that is running.
    private Source _source;
    private bool _keep;
    private bool _recomputing;
    private bool _residualTaped; // the residual stream's tensor belongs to the tape
    private DeviceMemory? _pinned;
    private AdapterRows? _adapters;
    private Tensor _rows; // that the running block goes on with behind its attention; empty: all

    /// <param name="decoder">The weights.</param>
    /// <param name="pool">Where activations come from.</param>
    public DecoderForward(Decoder decoder, TensorPool pool) => (_decoder, _config, _kernels, _pool) = (decoder, decoder.Config, decoder.Kernels, pool);

    /// <summary>Hidden states [tokens, embedding] of whole sequences, after the final norm; rented from the pool, or the tape's when there is one.</summary>
    /// <param name="tokens">Validated (<see cref="PackedBatch.Validate"/>) and uploaded.</param>
    /// <param name="tape">Cleared; filled for the backward. Or null.</param>
    /// <param name="rows">[rows] int32: indices of the tokens whose hidden states are wanted, [rows, embedding] then; or empty: all. With a tape it stays as it is until the backward.</param>
    public Tensor Run(PackedTokens tokens, ForwardTape? tape = null, Tensor rows = default) => Run(tokens.Ids, tokens.Positions, new Source(tokens, default, null), tape, null, rows);

    /// <summary>The same of sequences some of which have adapters; rows without one get the bits that they have without the others.</summary>
    /// <param name="tokens">Validated and uploaded.</param>
    /// <param name="adapters">Of every row.</param>
    public Tensor Run(PackedTokens tokens, AdapterRows adapters) => Run(tokens.Ids, tokens.Positions, new Source(tokens, default, null), null, adapters);

    /// <summary>Hidden states [tokens, embedding] of new tokens, after the final norm; rented from the pool. Their keys and values go to the cache.</summary>
    /// <param name="batch">On the device.</param>
    /// <param name="cache">Keys and values.</param>
    /// <param name="adapters">Of every row; null when none has one.</param>
    /// <param name="rows">[rows] int32: indices of the new tokens whose hidden states are wanted, [rows, embedding] then; or empty: all.</param>
    public Tensor Run(DecodeBatch batch, KvCache cache, AdapterRows? adapters = null, Tensor rows = default) =>
        Run(batch.Ids, batch.Positions, new Source(default, batch, cache), null, adapters, rows);

    private Tensor Run(Tensor ids, Tensor positions, Source source, ForwardTape? tape, AdapterRows? adapters = null, Tensor rows = default)
    {
        _adapters = adapters is { Any: true } ? adapters : null;
        bool inBlock = !rows.IsEmpty && SelectsInBlock;
        if (tape is not null) { (tape.Rows, tape.SelectedInBlock) = (rows, inBlock); }
        (_source, _recomputing, _residualTaped, _pinned) = (source, false, false, null);
        (Tensor residual, Tensor branch) = (Embed(ids, positions, tape), default(Tensor));
        for (int l = 0; l < _config.Layers; l++)
        {
            _keep = l >= tape?.FirstWhole;
            _rows = inBlock && l == _config.Layers - 1 ? rows : default;
            BlockTape block = _keep ? tape!.Blocks[l] : _scratch;
            (residual, branch) = RunBlock(l, positions, residual, branch, block, pinInput: tape is not null && !_keep);
            if (tape is not null && !_keep) { tape.Blocks[l].AttentionInput = new Join(block.AttentionInput.Sum, default, default); }
        }

        if (!rows.IsEmpty && !inBlock && _adapters is null) { (residual, branch) = SelectRows(residual, branch, rows); }
        Join last = AddAndNorm(_decoder.NormBeforeAttention(_config.Layers), residual, branch, keepStatistics: tape is not null);
        _pinned = null;
        Tensor hidden = _decoder.ProjectOut is { } projection ? Project(projection, last.Output) : last.Output;
        if (tape is not null) { (tape.Final, tape.Hidden) = (last, hidden); }
        else { FreeAllBut(last, hidden); }
        return rows.IsEmpty || _adapters is null ? hidden : Taken(hidden, rows);
    }

    private Tensor Embed(Tensor ids, Tensor positions, ForwardTape? tape)
    {
        Tensor rows = _pool.Rent(DType.Float32, ids.Count, _config.EmbeddingSize);
        _kernels.Embed(ids, _decoder.Embedding.Matrix!, rows, _config.EmbeddingScale);
        _adapters?.ApplyTable(_pool, ids, rows, _config.EmbeddingScale);
        if (_decoder.ProjectIn is { } projection)
        {
            Tensor embedded = rows;
            rows = Project(projection, embedded);
            if (tape is null) { _pool.Return(embedded); } else { tape.Embedded = embedded; }
        }

        if (_decoder.PositionEmbedding is { } table) { _kernels.Embed(positions, table.Matrix!, rows, offset: _config.PositionOffset, accumulate: true); }
        if (_decoder.EmbeddingNorm is null) { return rows; }
        (Tensor normed, Join kept) = NormOutput(_decoder.EmbeddingNorm, rows, keep: tape is not null);
        if (tape is not null) { tape.EmbeddingNorm = kept; }
        return normed;
    }

    // A block without the join behind it: what the residual stream carries on, and what is to be added to it.
    private (Tensor Residual, Tensor Branch) RunBlock(int layer, Tensor positions, Tensor residual, Tensor branch, BlockTape tape, bool pinInput = false)
    {
        Join input = tape.AttentionInput = AddAndNorm(_decoder.NormBeforeAttention(layer), residual, branch, _keep);
        if (pinInput) { _pinned = input.Sum.Memory; }
        return _config.BlockOrder == BlockOrder.Serial ? RunSerial(layer, positions, input, tape) : RunParallel(layer, positions, input, tape);
    }

    private (Tensor Residual, Tensor Branch) RunSerial(int layer, Tensor positions, Join input, BlockTape tape)
    {
        Tensor attended = Attend(layer, positions, input.Output, tape);
        tape.AttentionInput = Finish(input);
        Tensor carried = input.Residual(_config.CarriesNormed);
        if (!_rows.IsEmpty) { carried = SelectResidual(carried, _rows); }
        Join middle = tape.MlpInput = AddAndNorm(_decoder.NormBeforeMlp(layer), carried, attended, _keep);
        Tensor result = RunMlp(layer, middle.Output, tape);
        tape.MlpInput = Finish(middle);
        return (middle.Residual(_config.CarriesNormed), result);
    }

    private (Tensor Residual, Tensor Branch) RunParallel(int layer, Tensor positions, Join input, BlockTape tape)
    {
        Tensor attended = Attend(layer, positions, input.Output, tape);
        Join own = default;
        if (_decoder.Blocks[layer].Mlp.Norm is { } norm)
        {
            tape.AttentionInput = Finish(input);
            own = tape.MlpInput = Normalize(norm, input.Sum, _keep);
        }

        Tensor result = RunMlp(layer, own.Normed.IsEmpty ? input.Normed : own.Normed, tape);
        if (own.Normed.IsEmpty) { tape.AttentionInput = Finish(input); }
        else { tape.MlpInput = Finish(own with { Sum = input.Sum }) with { Sum = default }; }
        if (!result.IsEmpty) { _kernels.Axpby(1, attended, 1, result); }
        _pool.Return(attended);
        return (input.Sum, result);
    }

    // The sum goes into the branch's tensor; the old residual is done with.
    private Join AddAndNorm(NormParameters? norm, Tensor residual, Tensor branch, bool keepStatistics)
    {
        if (branch.IsEmpty) { return norm is null ? new Join(residual, default, default) : Normalize(norm, residual, keepStatistics) with { Sum = residual }; }
        Join join;
        if (norm is null)
        {
            _kernels.Axpby(1, residual, 1, branch);
            join = new Join(branch, default, default);
        }
        else
        {
            Tensor normed = _pool.Rent(DType.Float32, residual.Shape[0], _config.HiddenSize);
            Tensor statistics = keepStatistics ? _pool.Rent(DType.Float32, residual.Shape[0], 2) : default;
            _kernels.Norm(branch, residual, norm.Weight.Value, norm.Bias?.Value ?? default, _config.Norm, branch, normed, statistics);
            join = new Join(branch, normed, statistics);
        }

        FreeResidual(residual);
        return join;
    }

    private void FreeResidual(Tensor residual)
    {
        if (!_residualTaped && residual.Memory != _pinned) { _pool.Return(residual); }
    }

    // A branch has read its input: what the tape keeps of it. The normed value goes, unless it is what the residual stream carries on: Restore brings it back.
    private Join Finish(Join join)
    {
        Tensor residual = join.Residual(_config.CarriesNormed);
        _residualTaped = _recomputing || (_keep && residual.Memory == join.Sum.Memory);
        if (_recomputing) { return join; }
        if (!_keep)
        {
            FreeAllBut(join, residual);
            return join;
        }

        if (join.Normed.Memory != residual.Memory) { _pool.Return(join.Normed); }
        return join with { Normed = default };
    }

    // A norm without a sum of its own.
    private Join Normalize(NormParameters norm, Tensor x, bool keepStatistics)
    {
        Tensor normed = _pool.Rent(DType.Float32, x.Shape[0], x.Shape[1]);
        Tensor statistics = keepStatistics ? _pool.Rent(DType.Float32, x.Shape[0], 2) : default;
        _kernels.Norm(x, default, norm.Weight.Value, norm.Bias?.Value ?? default, _config.Norm, default, normed, statistics);
        return new Join(default, normed, statistics);
    }

    // The norm of a branch's output: the normed value goes on, the output itself is kept for the backward or overwritten.
    private (Tensor Normed, Join Kept) NormOutput(NormParameters norm, Tensor x, bool keep)
    {
        if (keep)
        {
            Join join = Normalize(norm, x, keepStatistics: true);
            return (join.Normed, new Join(x, default, join.Statistics));
        }

        _kernels.Norm(x, default, norm.Weight.Value, norm.Bias?.Value ?? default, _config.Norm, default, x, default);
        return (x, default);
    }

    // Every projection of the body passes here; those of experts through ProjectGrouped.
    private Tensor Project(LinearParameters map, Tensor x)
    {
        Tensor y = _pool.Rent(DType.Float32, x.Shape[0], map.Weight.Rows);
        _kernels.Linear(x, map.Weight.Matrix!, map.Bias?.Value ?? default, y);
        _adapters?.Apply(map.Weight, _pool, x, y);
        return y;
    }

    private void Free(Tensor tensor)
    {
        if (!_keep && (_pinned is null || tensor.Memory != _pinned)) { _pool.Return(tensor); }
    }

    private void FreeAllBut(Join join, Tensor alive)
    {
        if (join.Sum.Memory != alive.Memory) { Free(join.Sum); }
        if (join.Normed.Memory != alive.Memory) { Free(join.Normed); }
    }

    // Where attention finds its keys: in the batch itself, or in the cache.
    private readonly record struct Source(PackedTokens Tokens, DecodeBatch Batch, KvCache? Cache);
}
