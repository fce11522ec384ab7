namespace HybridEngine.Rlhf.Maths;

/// <summary>The KL coefficient over time: fixed, or steered towards a target. A value; <see cref="Next"/> gives the one of the next step.</summary>
/// <param name="Coefficient">beta, the weight of the KL penalty; at least 0.</param>
/// <param name="Target">Wanted KL per sequence, nats; 0 keeps the coefficient fixed.</param>
/// <param name="Horizon">Samples over which a constant 20 % error moves the coefficient by about 20 %; positive.</param>
/// <remarks>Source: Ziegler et al. 2019, "Fine-Tuning Language Models from Human Preferences", section 2.2.</remarks>
public readonly record struct KlController(double Coefficient, double Target = 0, double Horizon = 10_000)
{
    /// <summary><c>c (1 + clip(kl / target - 1, -0.2, 0.2) * samples / horizon)</c>; unchanged when <see cref="Target"/> is 0.</summary>
    /// <param name="kl">Observed KL per sequence, nats.</param>
    /// <param name="samples">Sequences it was observed on.</param>
    public KlController Next(double kl, int samples) => Target <= 0
        ? this
        : this with { Coefficient = Coefficient * (1 + Math.Clamp(kl / Target - 1, -0.2, 0.2) * samples / Horizon) };
}
