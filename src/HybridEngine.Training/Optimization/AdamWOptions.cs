using HybridEngine.Models;

namespace HybridEngine.Training;

/// <summary>Constants of AdamW (Loshchilov and Hutter 2019) and of clipping.</summary>
public sealed record AdamWOptions
{
    /// <summary>Decay of the first moment.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment.</summary>
    public double Beta2 { get; init; } = 0.95;

    /// <summary>Added to the root of the second moment.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Decoupled decay per unit of learning rate.</summary>
    public double WeightDecay { get; init; }

    /// <summary>Also decay biases and norm weights (off: matrices only).</summary>
    public bool DecayVectors { get; init; }

    /// <summary>Gradients are scaled down to this norm; 0 leaves them.</summary>
    public double MaxGradientNorm { get; init; } = 1;
}

/// <summary>Parameters that share a decay and a learning rate.</summary>
/// <param name="Parameters">Which.</param>
/// <param name="WeightDecay">Decoupled decay.</param>
/// <param name="LearningRateScale">Multiplies the step's learning rate.</param>
public sealed record ParameterGroup(IReadOnlyList<Parameter> Parameters, double WeightDecay, double LearningRateScale = 1)
{
    /// <summary>Matrices with decay, vectors without (unless told).</summary>
    public static IReadOnlyList<ParameterGroup> ByShape(IReadOnlyList<Parameter> parameters, AdamWOptions options, double learningRateScale = 1) =>
    [
        new([.. parameters.Where(p => !p.IsVector)], options.WeightDecay, learningRateScale),
        new([.. parameters.Where(p => p.IsVector)], options.DecayVectors ? options.WeightDecay : 0, learningRateScale),
    ];
}
