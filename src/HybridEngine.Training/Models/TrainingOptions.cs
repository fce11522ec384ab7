namespace HybridEngine.Training;

/// <summary>How a model is trained.</summary>
public sealed record TrainingOptions
{
    /// <summary>Constants of the optimizer.</summary>
    public AdamWOptions Optimizer { get; init; } = new();

    /// <summary>Bytes of activations that a forward may keep for its backward. Blocks beyond it keep only their input and are computed again in the backward: less memory, more time, the same bits.
    /// 0 is automatic: as much as the weights take, and not less than 768 MiB.</summary>
    public long ActivationBytes { get; init; }

    /// <summary>Keep only the input of every block and compute the rest again in the backward, whatever <see cref="ActivationBytes"/> says: least memory, about a quarter more time, the same bits.</summary>
    public bool RecomputeActivations { get; init; }

    /// <summary>Measure how evenly the experts are used, for <see cref="TrainableLanguageModel.BalanceLoss"/> and its gradient; models without experts have none.</summary>
    public bool ExpertBalance { get; init; }

    /// <summary>Scalar models: the head's learning rate as a multiple of the body's.</summary>
    public double HeadLearningRateScale { get; init; } = 1;
}

/// <summary>What an optimizer step did.</summary>
/// <param name="GradientNorm">Of all gradients together, before clipping.</param>
/// <param name="Applied">False when the norm was not finite: weights and moments are as before, the gradients are dropped.</param>
public readonly record struct StepResult(double GradientNorm, bool Applied);
