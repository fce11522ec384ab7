namespace HybridEngine.Rlhf;

/// <summary>Settings of the three stages: what docs/rl/pocket.md reports was reached with them.</summary>
public sealed record PocketRecipe
{
    /// <summary>Longest answer, tokens.</summary>
    public const int MaxNewTokens = 24;

    /// <summary>Step 1.</summary>
    public required SftOptions Sft { get; init; }

    /// <summary>Step 2.</summary>
    public required RewardOptions Reward { get; init; }

    /// <summary>Step 3.</summary>
    public required PpoOptions Ppo { get; init; }

    /// <summary>Compute type of every model: <c>float32</c>, <c>bfloat16</c>, or <c>auto</c>, bfloat16 where this machine's instruction for it pays. Keys and values are float32, which costs nothing at this size.</summary>
    public string DType { get; init; } = "auto";

    /// <summary>Questions of the exam.</summary>
    public int ExamQuestions { get; init; } = 1024;

    /// <summary>The whole recipe.</summary>
    /// <param name="seed">Of weights, data and draws.</param>
    public static PocketRecipe Full(long seed) => new()
    {
        Sft = new SftOptions
        {
            Steps = 1200, BatchSize = 64, MicroBatchTokens = 0, LearningRate = 3e-3, Schedule = "cosine_with_min_lr", MinLearningRateRatio = 0.1, WarmupSteps = 50, WeightDecay = 0.01, Seed = seed,
        },
        Reward = new RewardOptions
        {
            Steps = 600, BatchSize = 32, MicroBatchTokens = 0, Loss = "deepspeed-chat", LearningRate = 1e-3, Schedule = "cosine_with_min_lr", MinLearningRateRatio = 0.1, WarmupSteps = 20, WeightDecay = 0.01, Seed = seed,
        },
        Ppo = new PpoOptions
        {
            Steps = 200, PromptsPerStep = 128, MaxNewTokens = MaxNewTokens, MicroBatchTokens = 0, LearningRate = 3e-4, CriticLearningRate = 1e-3,
            // Falling to 0: at a constant rate the greedy answers end two points lower.
            Schedule = "linear",
            KlCoefficient = 0.05, RewardNormalization = "initial", RewardClip = 5, WhitenAdvantages = true, Seed = seed,
        },
    };

    /// <summary>A shorter run for continuous integration: it shows that every stage learns, not how far.</summary>
    public static PocketRecipe Fast(long seed)
    {
        PocketRecipe full = Full(seed);
        return full with
        {
            Sft = full.Sft with { Steps = 300 },
            Reward = full.Reward with { Steps = 100 },
            Ppo = full.Ppo with { Steps = 30 },
            ExamQuestions = 512,
        };
    }

    /// <summary>PPO with the true check as its reward (2 for an exact answer) in place of the reward model.</summary>
    public PocketRecipe Verifiable() => this with { Ppo = Ppo with { RewardNormalization = "none" } };
}
