namespace HybridEngine.Models;

/// <summary>How random weights are drawn. Norm weights become 1 (in effect), biases 0.</summary>
/// <param name="EmbeddingStd">Standard deviation of token and position tables.</param>
/// <param name="MatrixStd">Standard deviation of every other matrix.</param>
/// <param name="ResidualStd">Standard deviation of the two projections that write to the residual stream (attention output, down).</param>
public sealed record Initialization(double EmbeddingStd, double MatrixStd, double ResidualStd)
{
    /// <summary>transformers' <c>initializer_range</c>: the same standard deviation everywhere.</summary>
    public static Initialization Normal(double std = 0.02) => new(std, std, std);

    /// <summary>For small models trained from nothing: embedding 0.3, matrices 1/sqrt(hidden), residual projections divided by sqrt(2 * layers).</summary>
    public static Initialization Small(DecoderConfig config)
    {
        double std = 1 / Math.Sqrt(config.HiddenSize);
        return new Initialization(0.3, std, std / Math.Sqrt(2.0 * config.Layers));
    }

    internal double Std(ParameterRole role) => role switch
    {
        ParameterRole.Embedding or ParameterRole.PositionEmbedding => EmbeddingStd,
        ParameterRole.AttentionOutput or ParameterRole.Down => ResidualStd,
        _ => MatrixStd,
    };
}
