using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>The decoder's one forward. Training and scoring run whole packed sequences, generation runs new tokens against the paged cache; the lines are the same except for attention's keys.</summary>
/// <remarks>
/// A decoder is a chain of joins and branches: <c>join, attention, join, MLP, join, attention, ...</c>. A join adds the branch's output to the residual stream and normalises the sum;
/// before-norm models carry the sum on, after-norm models the normed sum. Rows depend on their own sequence only, so hidden states are equal bit for bit in every batch and in both modes.
/// </remarks>
public sealed class DecoderForward
{
    private readonly Decoder _decoder;
    private readonly DecoderConfig _config;
    private readonly IKernels _kernels;
    private readonly TensorPool _pool;
    private readonly BlockTape _scratch = new();

    // Of the pass that is running.
    private Source _source;
    private bool _keep;
    private DeviceMemory? _pinned;

    /// <param name="decoder">The weights.</param>
    /// <param name="pool">Where activations come from.</param>
    public DecoderForward(Decoder decoder, TensorPool pool) => (_decoder, _config, _kernels, _pool) = (decoder, decoder.Config, decoder.Kernels, pool);

    /// <summary>Hidden states [tokens, embedding] of whole sequences, after the final norm; rented from the pool, or the tape's when there is one.</summary>
    /// <param name="tokens">Validated (<see cref="PackedBatch.Validate"/>) and uploaded.</param>
    /// <param name="tape">Cleared; filled for the backward. Or null.</param>
    public Tensor Run(PackedTokens tokens, ForwardTape? tape = null) => Run(tokens.Ids, tokens.Positions, new Source(tokens, default, null), tape);

    /// <summary>Hidden states [tokens, embedding] of new tokens, after the final norm; rented from the pool. Their keys and values go to the cache.</summary>
    public Tensor Run(DecodeBatch batch, KvCache cache) => Run(batch.Ids, batch.Positions, new Source(default, batch, cache), null);

    /// <summary>Computes a block's activations again from its kept input (<see cref="TapeMode.BlockInputs"/>); same bits.</summary>
    public void Recompute(PackedTokens tokens, ForwardTape tape, int layer)
    {
        (_source, _keep, _pinned) = (new Source(tokens, default, null), true, null);
        BlockTape block = tape.Blocks[layer];
        RunBlock(layer, tokens.Positions, block.AttentionInput.Sum, default, block);
    }

    private Tensor Run(Tensor ids, Tensor positions, Source source, ForwardTape? tape)
    {
        bool full = tape is { Mode: TapeMode.Full };
        (_source, _keep, _pinned) = (source, full, null);
        (Tensor residual, Tensor branch) = (Embed(ids, positions, tape), default(Tensor));
        for (int l = 0; l < _config.Layers; l++)
        {
            BlockTape block = full ? tape!.Blocks[l] : _scratch;
            RunBlock(l, positions, residual, branch, block, pinInput: tape is not null && !full);
            branch = Linear(_decoder.Blocks[l].Down, block.Activated, _config.HiddenSize);
            residual = block.MlpInput.Residual(_config.NormPlacement);
            Free(block.Activated);
            if (tape is not null && !full) { tape.Blocks[l].AttentionInput = new Join(block.AttentionInput.Sum, default, default); }
        }

        _pinned = null;
        Join last = AddAndNorm(_decoder.NormBeforeAttention(_config.Layers), residual, branch, keepStatistics: tape is not null);
        Tensor hidden = _decoder.ProjectOut is { } projection ? Linear(projection, last.Output, _config.EmbeddingSize) : last.Output;
        if (tape is not null) { (tape.Final, tape.Hidden) = (last, hidden); }
        else { FreeAllBut(last, hidden); }
        return hidden;
    }

    private Tensor Embed(Tensor ids, Tensor positions, ForwardTape? tape)
    {
        long tokens = ids.Count;
        Tensor rows = _pool.Rent(DType.Float32, tokens, _config.EmbeddingSize);
        _kernels.Embed(ids, _decoder.Embedding.Matrix!, rows);
        if (_decoder.ProjectIn is { } projection)
        {
            Tensor embedded = rows;
            rows = Linear(projection, embedded, _config.HiddenSize);
            if (tape is null) { _pool.Return(embedded); } else { tape.Embedded = embedded; }
        }

        if (_decoder.PositionEmbedding is { } table) { _kernels.Embed(positions, table.Matrix!, rows, offset: _config.PositionOffset, accumulate: true); }
        return rows;
    }

    // One block up to the input of its down projection.
    private void RunBlock(int layer, Tensor positions, Tensor residual, Tensor branch, BlockTape tape, bool pinInput = false)
    {
        DecoderBlock block = _decoder.Blocks[layer];

        Join input = tape.AttentionInput = AddAndNorm(_decoder.NormBeforeAttention(layer), residual, branch, _keep);
        if (pinInput) { _pinned = input.Sum.Memory; }
        tape.QueryKeyValue = Linear(block.QueryKeyValue, input.Output, _config.QueryWidth + 2 * _config.KeyWidth);
        FreeAllBut(input, input.Residual(_config.NormPlacement));

        tape.Attention = Attend(layer, block, positions, tape);
        Tensor attended = Linear(block.AttentionOutput, tape.Attention, _config.HiddenSize);
        Free(tape.Attention);

        Join middle = tape.MlpInput = AddAndNorm(_decoder.NormBeforeMlp(layer), input.Residual(_config.NormPlacement), attended, _keep);
        tape.Up = Linear(block.Up, middle.Output, _config.GatedMlp ? 2 * _config.IntermediateSize : _config.IntermediateSize);
        FreeAllBut(middle, middle.Residual(_config.NormPlacement));

        tape.Activated = Activate(tape.Up);
        Free(tape.Up);
    }

    // The sum goes into the branch's tensor; the old residual is done with.
    private Join AddAndNorm(NormParameters? norm, Tensor residual, Tensor branch, bool keepStatistics)
    {
        long tokens = residual.Shape[0];
        Tensor sum = branch.IsEmpty ? residual : branch;
        if (norm is null)
        {
            if (!branch.IsEmpty) { _kernels.Axpby(1, residual, 1, branch); }
            FreeOld();
            return new Join(sum, default, default);
        }

        Tensor normed = _pool.Rent(DType.Float32, tokens, _config.HiddenSize);
        Tensor statistics = keepStatistics ? _pool.Rent(DType.Float32, tokens, 2) : default;
        Tensor bias = norm.Bias?.Value ?? default;
        if (branch.IsEmpty) { _kernels.Norm(residual, default, norm.Weight.Value, bias, _config.Norm, default, normed, statistics); }
        else { _kernels.Norm(branch, residual, norm.Weight.Value, bias, _config.Norm, sum, normed, statistics); }
        FreeOld();
        return new Join(sum, normed, statistics);

        void FreeOld()
        {
            if (!branch.IsEmpty) { Free(residual); }
        }
    }

    private Tensor Linear(LinearParameters map, Tensor x, int outputs)
    {
        Tensor y = _pool.Rent(DType.Float32, x.Shape[0], outputs);
        _kernels.Linear(x, map.Weight.Matrix!, map.Bias?.Value ?? default, y);
        return y;
    }

    private Tensor Attend(int layer, DecoderBlock block, Tensor positions, BlockTape tape)
    {
        long tokens = tape.QueryKeyValue.Shape[0];
        (Tensor q, Tensor k, Tensor v) = _config.SplitHeads(tape.QueryKeyValue);
        if (block.QueryNorm is not null)
        {
            q = (tape.Query = NormHeads(block.QueryNorm, q)).Output;
            k = (tape.Key = NormHeads(block.KeyNorm!, k)).Output;
        }

        _decoder.Rotate(q, positions);
        _decoder.Rotate(k, positions);

        Tensor y = _pool.Rent(DType.Float32, tokens, _config.QueryHeads, _config.HeadSize);
        if (_source.Cache is { } cache)
        {
            DecodeBatch batch = _source.Batch;
            _kernels.WriteKv(k, v, batch.Slots, cache[layer]);
            _kernels.PagedAttention(q, cache[layer], batch.QueryOffsets, batch.ContextLengths, batch.BlockTables, _config.Attention(layer), y);
        }
        else
        {
            tape.LogSumExp = _keep ? _pool.Rent(DType.Float32, tokens, _config.QueryHeads) : default;
            _kernels.Attention(q, k, v, _source.Tokens.Offsets, _config.Attention(layer), y, tape.LogSumExp);
        }

        Free(tape.QueryKeyValue);
        Free(tape.Query.Output);
        Free(tape.Key.Output);
        return y.View(tokens, _config.QueryWidth);
    }

    // A norm runs over rows of one head, which column ranges of a fused projection are not: copied first.
    private HeadNormTape NormHeads(NormParameters norm, Tensor x)
    {
        (long tokens, long heads, long size) = (x.Shape[0], x.Shape[1], x.Shape[2]);
        Tensor input = _pool.Rent(DType.Float32, tokens, heads, size);
        Tensor output = _pool.Rent(DType.Float32, tokens, heads, size);
        Tensor statistics = _keep ? _pool.Rent(DType.Float32, tokens * heads, 2) : default;
        _kernels.Copy(x, input);
        _kernels.Norm(input.View(tokens * heads, size), default, norm.Weight.Value, default, _config.HeadNorm, default, output.View(tokens * heads, size), statistics);
        Free(input);
        return new HeadNormTape(input, output, statistics);
    }

    private Tensor Activate(Tensor up)
    {
        int width = _config.IntermediateSize;
        Tensor y = _pool.Rent(DType.Float32, up.Shape[0], width);
        if (_config.GatedMlp) { _kernels.Gate(_config.Activation, up.Slice(1, 0, width), up.Slice(1, width, width), y); }
        else { _kernels.Activate(_config.Activation, up, y); }
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
