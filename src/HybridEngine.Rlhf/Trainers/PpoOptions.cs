using HybridEngine.Rlhf.Maths;

namespace HybridEngine.Rlhf;

/// <summary>Options of PPO. Where DeepSpeed-Chat and TRL differ both are here by name; docs/rl/ppo.md says which is the default and why.</summary>
public sealed record PpoOptions : TrainerOptions
{
    /// <summary>Reward model.</summary>
    [Option("Reward model: a folder written by the reward step; or name a rule in reward")]
    public string RewardModel { get; set; } = "";

    /// <summary>Rule.</summary>
    [Option("A built-in rule in place of a reward model: exact_match, contains, ends_with_eos")]
    public string Reward { get; set; } = "";

    /// <summary>Normalisation.</summary>
    [Option("initial: scores become (score - mean) / std with constants of the first policy's answers, the critic's values likewise", Choices = "none,initial")]
    public string RewardNormalization { get; set; } = "none";

    /// <summary>Samples for it.</summary>
    [Option("Answers that are sampled for reward_normalization initial", Min = 2)]
    public int NormalizationSamples { get; set; } = 512;

    /// <summary>Reference.</summary>
    [Option("Frozen reference of the KL penalty; empty: the actor as it is at the start")]
    public string Reference { get; set; } = "";

    /// <summary>Critic.</summary>
    [Option("Critic at the start; empty: the reward model, or the actor with a head of zeros where the reward is a rule")]
    public string Critic { get; set; } = "";

    /// <summary>Critic's rate.</summary>
    [Option("Peak learning rate of the critic", Min = 0)]
    public double CriticLearningRate { get; set; } = 5e-6;

    /// <summary>Rollouts.</summary>
    [Option("Answers sampled in a step, one a prompt (batch_size is not used)", Min = 1)]
    public int PromptsPerStep { get; set; } = 32;

    /// <summary>Length.</summary>
    [Option("New tokens of an answer, at most", Min = 1)]
    public int MaxNewTokens { get; set; } = 128;

    /// <summary>Temperature.</summary>
    [Option("Divides the logits while sampling, and wherever these log-probabilities are used", Min = 0, AboveMin = true)]
    public double Temperature { get; set; } = 1;

    /// <summary>beta.</summary>
    [Option("beta: weight of the per-token KL penalty in the reward (DeepSpeed-Chat's kl_ctl 0.1, TRL 0.05)", Min = 0)]
    public double KlCoefficient { get; set; } = 0.1;

    /// <summary>Estimator.</summary>
    [Option("Per-token estimate of the KL: k1 = log p - log q, k3 = exp(-k1) + k1 - 1", Choices = "k1,k2,k3,abs")]
    public string KlEstimator { get; set; } = "k1";

    /// <summary>Target.</summary>
    [Option("KL per answer, nats, that an adaptive controller steers to (Ziegler et al. 2019); 0: fixed coefficient", Min = 0)]
    public double KlTarget { get; set; }

    /// <summary>Horizon.</summary>
    [Option("Answers over which the adaptive controller acts", Min = 1)]
    public double KlHorizon { get; set; } = 10_000;

    /// <summary>epsilon.</summary>
    [Option("epsilon: probability ratios beyond 1 +- this gain nothing more", Min = 0, AboveMin = true)]
    public double ClipRatio { get; set; } = 0.2;

    /// <summary>Upper epsilon.</summary>
    [Option("Another epsilon above 1; 0: the same", Min = 0)]
    public double ClipRatioHigh { get; set; }

    /// <summary>Dual clip.</summary>
    [Option("Bound of the loss for negative advantages (Ye et al. 2020), above 1; 0: off", Min = 0)]
    public double DualClip { get; set; }

    /// <summary>Value clip.</summary>
    [Option("The critic gains nothing from values further than this from the old ones; 0: off", Min = 0)]
    public double ValueClip { get; set; } = 0.2;

    /// <summary>gamma.</summary>
    [Option("gamma: discount", Min = 0, Max = 1)]
    public double Gamma { get; set; } = 1;

    /// <summary>lambda.</summary>
    [Option("lambda of generalised advantage estimation", Min = 0, Max = 1)]
    public double Lambda { get; set; } = 0.95;

    /// <summary>Epochs.</summary>
    [Option("Passes over each step's answers (DeepSpeed-Chat 1, TRL 4)", Min = 1)]
    public int PpoEpochs { get; set; } = 1;

    /// <summary>Minibatches.</summary>
    [Option("Optimizer steps in a pass: the answers are cut into so many parts", Min = 1)]
    public int Minibatches { get; set; } = 1;

    /// <summary>Aggregation.</summary>
    [Option("How token losses become one number", Choices = "token_mean,seq_mean_token_mean,seq_mean_token_sum")]
    public string LossAggregation { get; set; } = "token_mean";

    /// <summary>Entropy.</summary>
    [Option("Weight of the entropy bonus", Min = 0)]
    public double EntropyCoefficient { get; set; }

    /// <summary>Score clip.</summary>
    [Option("Scores are clipped to +- this (DeepSpeed-Chat 5); 0: off", Min = 0)]
    public double RewardClip { get; set; } = 5;

    /// <summary>Where the score stands.</summary>
    [Option("last_token: the score is the reward of the last token; after_end: of one position more where there is room, as TRL does", Choices = "last_token,after_end")]
    public string ScorePosition { get; set; } = "last_token";

    /// <summary>Whitening of advantages.</summary>
    [Option("Advantages get mean 0 and variance 1 over the step's tokens (TRL: true, DeepSpeed-Chat: false)")]
    public bool WhitenAdvantages { get; set; } = true;

    /// <summary>Whitening of rewards.</summary>
    [Option("Token rewards get variance 1 over the step's tokens, their mean stays")]
    public bool WhitenRewards { get; set; }

    /// <summary>Missing end.</summary>
    [Option("Taken off the score of an answer without end token", Min = 0)]
    public double MissingEosPenalty { get; set; }

    /// <summary>ptx data.</summary>
    [Option("Data of the language-model mixture (InstructGPT's ptx), in any form of SFT")]
    public IReadOnlyList<DataSource> PtxData { get; set; } = [];

    /// <summary>ptx coefficient.</summary>
    [Option("Weight of the mixture's loss (InstructGPT 27.8)", Min = 0)]
    public double PtxCoefficient { get; set; } = 27.8;

    /// <summary>ptx sequences.</summary>
    [Option("Sequences of ptx_data an optimizer step", Min = 1)]
    public int PtxBatchSize { get; set; } = 8;

    /// <summary>ptx step.</summary>
    [Option("joint: both gradients in one optimizer step (InstructGPT); separate: a second step (DeepSpeed-Chat)", Choices = "joint,separate")]
    public string PtxStep { get; set; } = "joint";

    /// <summary>EMA.</summary>
    [Option("Decay of the moving average of the actor's weights, saved as model-ema (DeepSpeed-Chat 0.992); 0: none", Min = 0, Max = 0.9999999)]
    public double EmaBeta { get; set; }

    /// <summary>A configuration that follows DeepSpeed-Chat's step 3 where the defaults do not: no whitening, KL coefficient 0.1, moving average 0.992, ptx as a second step.</summary>
    public static PpoOptions DeepSpeedChat() => new() { WhitenAdvantages = false, KlCoefficient = 0.1, RewardClip = 5, EmaBeta = 0.992, PtxStep = "separate" };

    /// <summary>A configuration that follows TRL's PPO where the defaults do not: four epochs, KL coefficient 0.05, no clip of scores, the score one position after the end.</summary>
    public static PpoOptions Trl() => new() { KlCoefficient = 0.05, PpoEpochs = 4, RewardClip = 0, MissingEosPenalty = 1, ScorePosition = "after_end" };

    internal KlEstimator Estimator => Enum.Parse<KlEstimator>(KlEstimator, ignoreCase: true);

    internal PolicyLossOptions PolicyClip => new(ClipRatio, ClipRatioHigh > 0 ? ClipRatioHigh : ClipRatio, DualClip);

    internal LossAggregation Aggregation => LossAggregation switch
    {
        "seq_mean_token_mean" => Maths.LossAggregation.SequenceMeanTokenMean,
        "seq_mean_token_sum" => Maths.LossAggregation.SequenceMeanTokenSum,
        _ => Maths.LossAggregation.TokenMean,
    };
}
