namespace HybridEngine.Rlhf;

/// <summary>What a checkpoint holds beside weights and moments, so that a resumed run continues bit for bit. Random draws need no state: they are functions of seed and step.</summary>
public sealed record TrainerState
{
    /// <summary>Optimizer steps taken.</summary>
    public int Step { get; init; }

    /// <summary>Items drawn from the data.</summary>
    public long DataPosition { get; init; }

    /// <summary>Items drawn from the second source (PPO's language-model mixture).</summary>
    public long SecondPosition { get; init; }

    /// <summary>PPO: the KL coefficient, which a controller moves.</summary>
    public double KlCoefficient { get; init; }

    /// <summary>PPO: mean of the scores before training, when rewards are normalised by it.</summary>
    public double ScoreMean { get; init; }

    /// <summary>PPO: their standard deviation.</summary>
    public double ScoreDeviation { get; init; } = 1;
}
