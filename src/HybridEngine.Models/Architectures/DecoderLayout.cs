using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>How tokens learn where they stand.</summary>
public enum PositionKind
{
    /// <summary>Rotary embedding of queries and keys.</summary>
    Rotary,
    /// <summary>A learned table added to the token embedding.</summary>
    Learned,
    /// <summary>Linear biases on the attention scores (Press et al. 2022).</summary>
    Alibi,
    /// <summary>None.</summary>
    None,
}

/// <summary>Where a block normalises. A branch is attention or the MLP; the residual stream is what their outputs are added to.</summary>
public enum NormPlacement
{
    /// <summary>The input of each branch (most models).</summary>
    Before,
    /// <summary>The input of each branch, and the residual stream goes on from the normed value (BLOOM's <c>apply_residual_connection_post_layernorm</c>).</summary>
    Carried,
    /// <summary>The residual sum behind each branch (OPT-350m).</summary>
    After,
    /// <summary>The output of each branch, before it is added (OLMo 2).</summary>
    Output,
    /// <summary>Input and output of each branch (Gemma 2 and 3).</summary>
    Both,
}

/// <summary>How attention and MLP of a block follow each other.</summary>
public enum BlockOrder
{
    /// <summary>The MLP reads what attention has written.</summary>
    Serial,
    /// <summary>Both read the block's input, each through its own norm (GPT-NeoX).</summary>
    Parallel,
    /// <summary>Both read the block's input through one norm (GPT-J, Phi).</summary>
    ParallelOneNorm,
}

/// <summary>Norms of queries and keys before the rotation.</summary>
public enum QueryKeyNorm
{
    /// <summary>None.</summary>
    None,
    /// <summary>Every head on its own (Qwen 3, Gemma 3).</summary>
    EachHead,
    /// <summary>All heads of a token as one row (OLMo 2).</summary>
    AllHeads,
}

/// <summary>Frequencies of the rotary embedding after all scaling, as computed from a configuration.</summary>
/// <param name="RotarySize">Rotated elements of a head, from its first on; even, at most the head's size.</param>
/// <param name="InverseFrequencies">[RotarySize / 2] radians per position.</param>
/// <param name="Factor">Multiplies cosines and sines (YaRN's attention factor), else 1.</param>
/// <param name="Layout">Which elements form a pair.</param>
/// <param name="LongFrom">When positive, sequences of more tokens than this have <paramref name="LongInverseFrequencies"/> at all their positions (LongRoPE, Ding et al. 2024).</param>
/// <param name="LongInverseFrequencies">[RotarySize / 2], or null.</param>
public sealed record RotarySpec(
    int RotarySize, double[] InverseFrequencies, double Factor = 1, RotaryLayout Layout = RotaryLayout.Halves, int LongFrom = 0, double[]? LongInverseFrequencies = null);

/// <summary>A mixture of experts in place of the MLP (Shazeer et al. 2017): every token goes through its best few, without a capacity that could drop it.</summary>
/// <param name="Count">Experts of a layer.</param>
/// <param name="PerToken">Experts that a token goes through.</param>
/// <param name="IntermediateSize">Inner width of one expert.</param>
/// <param name="NormalizeWeights">The chosen experts' weights are divided by their sum.</param>
/// <param name="Layers">Which layers have experts, one entry a layer; the others have a plain MLP.</param>
public sealed record ExpertConfig(int Count, int PerToken, int IntermediateSize, bool NormalizeWeights, IReadOnlyList<bool> Layers);
