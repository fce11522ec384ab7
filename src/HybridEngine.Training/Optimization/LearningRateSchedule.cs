using HybridEngine.Core;

namespace HybridEngine.Training;

/// <summary>Learning rate as a function of the step, by transformers' names and formulas (<c>get_scheduler</c>).</summary>
/// <param name="Kind">constant, constant_with_warmup, linear, cosine, cosine_with_restarts, polynomial, inverse_sqrt, cosine_with_min_lr or warmup_stable_decay.</param>
/// <param name="BaseRate">The rate at factor 1.</param>
/// <param name="WarmupSteps">Steps of the rise from 0.</param>
/// <param name="TotalSteps">Steps of the whole run.</param>
public sealed record LearningRateSchedule(string Kind, double BaseRate, int WarmupSteps = 0, int TotalSteps = 0)
{
    /// <summary>All values of <see cref="Kind"/>.</summary>
    public static IReadOnlyList<string> Kinds { get; } =
        ["constant", "constant_with_warmup", "linear", "cosine", "cosine_with_restarts", "polynomial", "inverse_sqrt", "cosine_with_min_lr", "warmup_stable_decay"];

    /// <summary>Waves of the cosine: null is 0.5 (1 with restarts).</summary>
    public double? Cycles { get; init; }

    /// <summary>cosine_with_min_lr, warmup_stable_decay: the last rate as a share of the base rate.</summary>
    public double MinRatio { get; init; }

    /// <summary>polynomial: exponent.</summary>
    public double Power { get; init; } = 1;

    /// <summary>polynomial: the last rate.</summary>
    public double EndRate { get; init; } = 1e-7;

    /// <summary>inverse_sqrt: steps after which the rate has halved twice; null is the warm-up, or 10000 without one.</summary>
    public int? Timescale { get; init; }

    /// <summary>warmup_stable_decay: steps of the fall at the end.</summary>
    public int DecaySteps { get; init; }

    /// <summary>warmup_stable_decay: shape of the rise, linear, cosine or 1-sqrt.</summary>
    public string WarmupShape { get; init; } = "linear";

    /// <summary>warmup_stable_decay: shape of the fall, linear, cosine or 1-sqrt.</summary>
    public string DecayShape { get; init; } = "cosine";

    /// <summary>The rate of optimizer step <paramref name="step"/>, counted from 0 (so a warm-up starts at 0).</summary>
    /// <exception cref="InvalidInputException">An unknown kind or shape.</exception>
    public double Rate(long step) => BaseRate * Factor(step);

    private double Factor(long step)
    {
        double warmup = (double)step / Math.Max(1, WarmupSteps);
        if (Kind == "constant") { return 1; }
        if (Kind == "warmup_stable_decay") { return WarmupStableDecay(step, warmup); }
        if (step < WarmupSteps) { return warmup; }
        double progress = (double)(step - WarmupSteps) / Math.Max(1, TotalSteps - WarmupSteps);
        return Kind switch
        {
            "constant_with_warmup" => 1,
            "linear" => Math.Max(0, (double)(TotalSteps - step) / Math.Max(1, TotalSteps - WarmupSteps)),
            "cosine" => Math.Max(0, Cosine(progress)),
            "cosine_with_min_lr" => Math.Max(0, Cosine(progress) * (1 - MinRatio) + MinRatio),
            "cosine_with_restarts" => progress >= 1 ? 0 : Math.Max(0, 0.5 * (1 + Math.Cos(Math.PI * ((Cycles ?? 1) * progress % 1)))),
            "polynomial" => step > TotalSteps ? EndRate / BaseRate : ((BaseRate - EndRate) * Math.Pow(1 - progress, Power) + EndRate) / BaseRate,
            "inverse_sqrt" => InverseSqrt(step),
            _ => throw new InvalidInputException("lr schedule", $"'{Kind}'", string.Join(", ", Kinds)),
        };
    }

    private double Cosine(double progress) => 0.5 * (1 + Math.Cos(Math.PI * (Cycles ?? 0.5) * 2 * progress));

    private double InverseSqrt(long step)
    {
        double timescale = Timescale ?? (WarmupSteps > 0 ? WarmupSteps : 10_000);
        return 1 / Math.Sqrt((step + timescale - WarmupSteps) / timescale);
    }

    private double WarmupStableDecay(long step, double warmup)
    {
        if (step < WarmupSteps)
        {
            double rise = WarmupShape switch
            {
                "linear" => warmup,
                "cosine" => 0.5 * (1 - Math.Cos(Math.PI * warmup)),
                "1-sqrt" => 1 - Math.Sqrt(1 - warmup),
                _ => throw new InvalidInputException("warm-up shape", $"'{WarmupShape}'", "linear, cosine or 1-sqrt"),
            };
            return Math.Max(0, rise * (1 - MinRatio) + MinRatio);
        }

        long decayed = step - (TotalSteps - DecaySteps);
        if (decayed < 0) { return 1; }
        if (decayed >= DecaySteps) { return MinRatio; }
        double progress = (double)decayed / Math.Max(1, DecaySteps);
        double fall = DecayShape switch
        {
            "linear" => 1 - progress,
            "cosine" => Cosine(progress),
            "1-sqrt" => 1 - Math.Sqrt(progress),
            _ => throw new InvalidInputException("decay shape", $"'{DecayShape}'", "linear, cosine or 1-sqrt"),
        };
        return Math.Max(0, fall * (1 - MinRatio) + MinRatio);
    }
}
