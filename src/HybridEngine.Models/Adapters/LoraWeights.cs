using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>An adapter's numbers on the host, cut and turned to fit the parameters of one base model. Every tensor of the file has found its place.</summary>
public sealed class LoraWeights
{
    /// <param name="changes">Low-rank changes, at most one of each parameter.</param>
    /// <param name="replaced">Whole parameters in place of the base's (a token table, the vocabulary head), row-major.</param>
    /// <param name="score">A scalar head [width], or null.</param>
    public LoraWeights(IReadOnlyList<LoraDelta> changes, IReadOnlyDictionary<ParameterBinding, float[]>? replaced = null, float[]? score = null)
        => (Changes, Replaced, Score) = (changes, replaced ?? new Dictionary<ParameterBinding, float[]>(), score);

    /// <summary>Low-rank changes.</summary>
    public IReadOnlyList<LoraDelta> Changes { get; }

    /// <summary>Whole parameters in place of the base's.</summary>
    public IReadOnlyDictionary<ParameterBinding, float[]> Replaced { get; }

    /// <summary>A scalar head [width], or null.</summary>
    public float[]? Score { get; }

    /// <summary>Reads an adapter for a base.</summary>
    /// <param name="path">The adapter's folder.</param>
    /// <param name="config">The base.</param>
    /// <param name="bindings">Its parameters.</param>
    /// <exception cref="HybridEngineException">The adapter is damaged, asks for what the engine does not have, or belongs to another base; one line says which tensor and why.</exception>
    public static LoraWeights Load(string path, DecoderConfig config, IReadOnlyList<ParameterBinding> bindings)
    {
        using LoraFiles files = LoraFiles.Open(path);
        return Fit(files, config, bindings);
    }

    /// <summary>Fits an opened adapter to a base.</summary>
    /// <inheritdoc cref="Load" />
    public static LoraWeights Fit(LoraFiles files, DecoderConfig config, IReadOnlyList<ParameterBinding> bindings) => new LoraFit(files, config, bindings).Weights();
}
