using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>A sum of the residual stream with a branch's output, and its norm.</summary>
/// <param name="Sum">[tokens, hidden].</param>
/// <param name="Normed">[tokens, hidden]; empty where no norm stands.</param>
/// <param name="Statistics">[tokens, 2] for the norm's backward, or empty.</param>
public readonly record struct Join(Tensor Sum, Tensor Normed, Tensor Statistics)
{
    /// <summary>What the next branch reads.</summary>
    public Tensor Output => Normed.IsEmpty ? Sum : Normed;

    /// <summary>What the residual stream carries on.</summary>
    /// <param name="carriesNormed"><see cref="DecoderConfig.CarriesNormed"/>.</param>
    public Tensor Residual(bool carriesNormed) => carriesNormed ? Output : Sum;

    internal void Return(TensorPool pool)
    {
        pool.Return(Sum);
        pool.Return(Normed);
        pool.Return(Statistics);
    }
}

/// <summary>Activations of one block, in order of the forward.</summary>
/// <remarks>The forward keeps what only another product or attention would bring back. Normed values, the activated MLP, normed heads and gathered rows are computed again from it, by
/// <see cref="DecoderForward.Restore"/>: one pass over memory each, against holding them all at once.</remarks>
public sealed class BlockTape
{
    /// <summary>Input of attention.</summary>
    public Join AttentionInput { get; internal set; }

    /// <summary>[tokens, query + 2 * key widths]: the fused projection; queries and keys rotated in place unless they have norms.</summary>
    public Tensor QueryKeyValue { get; internal set; }

    /// <summary>Queries under their norm: copied before it, normed and rotated after it. Empty without such norms.</summary>
    public HeadNormTape Query { get; internal set; }

    /// <summary>Keys under their norm.</summary>
    public HeadNormTape Key { get; internal set; }

    /// <summary>[tokens, query width]: attention's result.</summary>
    public Tensor Attention { get; internal set; }

    /// <summary>[tokens, queryHeads], for attention's backward; or empty.</summary>
    public Tensor LogSumExp { get; internal set; }

    /// <summary>Attention's output under its norm: the sum is the output itself, the normed value has gone into the residual stream. Empty without such a norm.</summary>
    public Join AttentionOutput { get; internal set; }

    /// <summary>Input of the MLP. In a parallel block its norm alone (the sum is attention's), and nothing when the two share a norm.</summary>
    public Join MlpInput { get; internal set; }

    /// <summary>[tokens, 2 * intermediate] gate and up, or [tokens, intermediate] up alone: before the activation. With experts [choices, ...], grouped by expert.</summary>
    public Tensor Up { get; internal set; }

    /// <summary>[tokens, intermediate]: input of the down projection. With experts [choices, ...], grouped by expert.</summary>
    public Tensor Activated { get; internal set; }

    /// <summary>Where the tokens went; empty without experts.</summary>
    public ExpertTape Experts { get; internal set; }

    /// <summary>The MLP's output under its norm, as <see cref="AttentionOutput"/>.</summary>
    public Join MlpOutput { get; internal set; }

    /// <summary>Gives every tensor back to the pool.</summary>
    public void Return(TensorPool pool)
    {
        AttentionInput.Return(pool);
        pool.Return(QueryKeyValue);
        Query.Return(pool);
        Key.Return(pool);
        pool.Return(Attention);
        pool.Return(LogSumExp);
        AttentionOutput.Return(pool);
        MlpInput.Return(pool);
        pool.Return(Up);
        pool.Return(Activated);
        Experts.Return(pool);
        MlpOutput.Return(pool);
        (AttentionInput, AttentionOutput, MlpInput, MlpOutput) = (default, default, default, default);
        (QueryKeyValue, Query, Key, Attention, LogSumExp, Up, Activated, Experts) = (default, default, default, default, default, default, default, default);
    }
}

/// <summary>Norm of queries or keys.</summary>
/// <param name="Input">[tokens, heads, headSize] before the norm.</param>
/// <param name="Output">[tokens, heads, headSize] normed and rotated.</param>
/// <param name="Statistics">[normed rows, 2], or empty.</param>
public readonly record struct HeadNormTape(Tensor Input, Tensor Output, Tensor Statistics)
{
    internal void Return(TensorPool pool)
    {
        pool.Return(Input);
        pool.Return(Output);
        pool.Return(Statistics);
    }
}

/// <summary>One layer's routing of tokens to experts. A choice is one of a token's experts; grouped rows are the choices in order of expert, then of token.</summary>
/// <param name="Logits">[tokens, experts].</param>
/// <param name="Chosen">[tokens, perToken] int32, best first.</param>
/// <param name="Weights">[tokens, perToken].</param>
/// <param name="Offsets">[experts + 1] int32: grouped rows by expert.</param>
/// <param name="Tokens">[choices] int32: the token of each grouped row.</param>
/// <param name="Slots">[tokens, perToken] int32: the grouped row of each choice.</param>
/// <param name="Inputs">[choices, hidden]: tokens' rows, grouped.</param>
/// <param name="Outputs">[choices, hidden]: the experts' results, grouped.</param>
public readonly record struct ExpertTape(Tensor Logits, Tensor Chosen, Tensor Weights, Tensor Offsets, Tensor Tokens, Tensor Slots, Tensor Inputs, Tensor Outputs)
{
    internal void Return(TensorPool pool)
    {
        foreach (Tensor tensor in (ReadOnlySpan<Tensor>)[Logits, Chosen, Weights, Offsets, Tokens, Slots, Inputs, Outputs]) { pool.Return(tensor); }
    }
}

/// <summary>Activations of one packed forward, kept for its backward. Reusable after <see cref="Clear"/>.</summary>
public sealed class ForwardTape
{
    /// <param name="layers">Blocks of the model.</param>
    /// <param name="firstWhole"><see cref="FirstWhole"/>.</param>
    public ForwardTape(int layers, int firstWhole = 0)
    {
        FirstWhole = firstWhole;
        Blocks = new BlockTape[layers];
        for (int l = 0; l < layers; l++) { Blocks[l] = new BlockTape(); }
    }

    /// <summary>Blocks from this one on are kept whole; of those before it only the input is, and the backward runs them forward again. Any choice gives the same bits: 0 is fastest, the number
    /// of blocks smallest. The last blocks are the whole ones, because theirs is the memory that the backward gives back first. Set while the tape is clear.</summary>
    public int FirstWhole { get; set; }

    /// <summary>One for each block.</summary>
    public BlockTape[] Blocks { get; }

    /// <summary>[rows] int32: the tokens whose hidden states were asked for; empty when all were. The caller's.</summary>
    public Tensor Rows { get; internal set; }

    /// <summary>Whether the last block went on with <see cref="Rows"/> alone behind its attention; else they were taken behind that block.</summary>
    public bool SelectedInBlock { get; internal set; }

    /// <summary>[tokens, embedding]: token rows before the input projection, when there is one.</summary>
    public Tensor Embedded { get; internal set; }

    /// <summary>The token embedding under its norm: the sum is the rows before it. Empty without such a norm.</summary>
    public Join EmbeddingNorm { get; internal set; }

    /// <summary>After the last block.</summary>
    public Join Final { get; internal set; }

    /// <summary>[tokens or rows, embedding]: the forward's result.</summary>
    public Tensor Hidden { get; internal set; }

    /// <summary>Gives every tensor back to the pool.</summary>
    public void Clear(TensorPool pool)
    {
        foreach (BlockTape block in Blocks) { block.Return(pool); }
        pool.Return(Embedded);
        EmbeddingNorm.Return(pool);
        if (Hidden.Memory != Final.Output.Memory) { pool.Return(Hidden); }
        Final.Return(pool);
        (Embedded, EmbeddingNorm, Final, Hidden, Rows) = (default, default, default, default, default);
    }
}
