using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>A linear map's parameters: <c>y = x W^T + b</c>.</summary>
/// <param name="Weight">W; its bindings say which projections of which layer it is.</param>
/// <param name="Bias">b, or null.</param>
public sealed record LinearParameters(Parameter Weight, Parameter? Bias);

/// <summary>A norm's parameters.</summary>
/// <param name="Weight">Scale.</param>
/// <param name="Bias">Shift, or null.</param>
public sealed record NormParameters(Parameter Weight, Parameter? Bias);

/// <summary>The parameters of attention.</summary>
/// <param name="Norm">On the input, or behind the residual sum (<see cref="NormPlacement"/>); or null.</param>
/// <param name="QueryKeyValue">Query, key and value rows in one.</param>
/// <param name="QueryNorm">Norm of queries, or null.</param>
/// <param name="KeyNorm">Norm of keys, or null.</param>
/// <param name="Output">Back to the residual stream.</param>
/// <param name="OutputNorm">On the output, or null.</param>
public sealed record AttentionParameters(
    NormParameters? Norm, LinearParameters QueryKeyValue, NormParameters? QueryNorm, NormParameters? KeyNorm, LinearParameters Output, NormParameters? OutputNorm);

/// <summary>The parameters of an MLP, or of the experts in its place.</summary>
/// <param name="Norm">On the input, or behind the residual sum; null when there is none or attention's serves both.</param>
/// <param name="Up">Gate and up rows in one, or up alone; null with experts.</param>
/// <param name="Down">Back to the residual stream; null with experts.</param>
/// <param name="Experts">In place of <paramref name="Up"/> and <paramref name="Down"/>, or null.</param>
/// <param name="OutputNorm">On the output, or null.</param>
public sealed record MlpParameters(NormParameters? Norm, LinearParameters? Up, LinearParameters? Down, ExpertParameters? Experts, NormParameters? OutputNorm);

/// <summary>The parameters of a layer's experts.</summary>
/// <param name="Router">One row an expert.</param>
/// <param name="Up">Gate and up rows in one, or up alone, by expert.</param>
/// <param name="Down">Back to the residual stream, by expert.</param>
public sealed record ExpertParameters(LinearParameters Router, ExpertWeights Up, ExpertWeights Down);

/// <summary>The same projection of every expert of a layer.</summary>
public sealed class ExpertWeights
{
    private readonly WeightMatrix[] _matrices;
    private readonly WeightMatrix[] _gradients;

    /// <param name="parameters">One an expert, of equal shapes.</param>
    public ExpertWeights(IReadOnlyList<Parameter> parameters) =>
        (Parameters, _matrices, _gradients) = (parameters, new WeightMatrix[parameters.Count], new WeightMatrix[parameters.Count]);

    /// <summary>One an expert.</summary>
    public IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>Rows of each.</summary>
    public int Outputs => Parameters[0].Rows;

    /// <summary>The matrices as they are now (weights may be given back and set again), in a list that the next call overwrites.</summary>
    public IReadOnlyList<WeightMatrix> Matrices()
    {
        for (int e = 0; e < _matrices.Length; e++) { _matrices[e] = Parameters[e].Matrix!; }
        return _matrices;
    }

    /// <summary>The gradients, or null when the parameters are frozen.</summary>
    public IReadOnlyList<WeightMatrix>? Gradients()
    {
        if (Parameters[0].GradientMatrix is null) { return null; }
        for (int e = 0; e < _gradients.Length; e++) { _gradients[e] = Parameters[e].GradientMatrix!; }
        return _gradients;
    }
}

/// <summary>Parameters of one block.</summary>
/// <param name="Attention">First branch.</param>
/// <param name="Mlp">Second branch.</param>
public sealed record DecoderBlock(AttentionParameters Attention, MlpParameters Mlp);
