using HybridEngine.Training;

namespace HybridEngine.Rlhf;

/// <summary>What every kind of run has in common; each property is a key of its configuration file.</summary>
public abstract record TrainerOptions
{
    /// <summary>Where the weights come from.</summary>
    [Option("Model that is trained: a folder in Hugging Face layout, a .gguf file, or a checkpoint of ours")]
    public string Model { get; set; } = "";

    /// <summary>Random weights instead.</summary>
    [Option("A config.json: start from random weights of this shape in place of model (a tokenizer beside it is taken along)")]
    public string Init { get; set; } = "";

    /// <summary>Training data.</summary>
    [Option("Training data in JSON Lines: one path, or a blend")]
    public IReadOnlyList<DataSource> Data { get; set; } = [];

    /// <summary>Held-out data.</summary>
    [Option("Held-out data, evaluated every eval_every steps and at the end")]
    public IReadOnlyList<DataSource> EvalData { get; set; } = [];

    /// <summary>Relative sizes of the parts.</summary>
    [Option("Cut data into disjoint parts of these relative sizes, such as 2,4,4 for SFT, reward and PPO; empty: use all of it")]
    public string Split { get; set; } = "";

    /// <summary>Which part.</summary>
    [Option("Which part of split this run uses, from 0", Min = 0)]
    public int SplitIndex { get; set; }

    /// <summary>Chat template.</summary>
    [Option("Render prompts with the model's chat template: auto does it for instruction data where the model has one", Choices = "auto,always,never")]
    public string Chat { get; set; } = "auto";

    /// <summary>Optimizer steps.</summary>
    [Option("Optimizer steps of the run; 0: as many as epochs need", Min = 0)]
    public int Steps { get; set; }

    /// <summary>Passes.</summary>
    [Option("Passes over the data when steps is 0", Min = 0, AboveMin = true)]
    public double Epochs { get; set; } = 1;

    /// <summary>Sequences of an optimizer step.</summary>
    [Option("Sequences of an optimizer step; for preferences, pairs", Min = 1)]
    public int BatchSize { get; set; } = 8;

    /// <summary>Tokens at once.</summary>
    [Option("Tokens in one forward and backward, at most (a longer sequence goes alone): bounds memory; 0: the whole batch at once", Min = 0)]
    public int MicroBatchTokens { get; set; } = 4096;

    /// <summary>Longest sequence.</summary>
    [Option("Longest sequence, tokens; longer ones are cut at the end, prompts of a rollout at the beginning; 0: the model's limit", Min = 0)]
    public int MaxLength { get; set; } = 512;

    /// <summary>Peak rate.</summary>
    [Option("Peak learning rate", Min = 0)]
    public double LearningRate { get; set; } = 1e-5;

    /// <summary>Its course.</summary>
    [Option("Course of the learning rate, by transformers' names", Choices = "constant,constant_with_warmup,linear,cosine,cosine_with_restarts,polynomial,inverse_sqrt,cosine_with_min_lr,warmup_stable_decay")]
    public string Schedule { get; set; } = "cosine";

    /// <summary>Last rate.</summary>
    [Option("cosine_with_min_lr, warmup_stable_decay: the last rate as a share of the peak", Min = 0, Max = 1)]
    public double MinLearningRateRatio { get; set; }

    /// <summary>Rise.</summary>
    [Option("Steps over which the rate rises from 0", Min = 0)]
    public int WarmupSteps { get; set; }

    /// <summary>Decay.</summary>
    [Option("Decoupled weight decay of matrices", Min = 0)]
    public double WeightDecay { get; set; }

    /// <summary>beta1.</summary>
    [Option("AdamW's beta1", Min = 0, Max = 0.9999999)]
    public double AdamBeta1 { get; set; } = 0.9;

    /// <summary>beta2.</summary>
    [Option("AdamW's beta2", Min = 0, Max = 0.9999999)]
    public double AdamBeta2 { get; set; } = 0.95;

    /// <summary>epsilon.</summary>
    [Option("AdamW's epsilon", Min = 0, AboveMin = true)]
    public double AdamEpsilon { get; set; } = 1e-8;

    /// <summary>Norm.</summary>
    [Option("Greatest norm of all gradients together; 0: no clipping", Min = 0)]
    public double GradientClip { get; set; } = 1;

    /// <summary>Activations.</summary>
    [Option("MiB of activations that a forward may keep for its backward; blocks beyond are computed again, with the same bits; 0: as much as the weights, at least 768", Min = 0)]
    public int ActivationMib { get; set; }

    /// <summary>Recompute.</summary>
    [Option("Compute all activations again in the backward: least memory, about a quarter more time, the same bits")]
    public bool RecomputeActivations { get; set; }

    /// <summary>Seed.</summary>
    [Option("Seed of initial weights, shuffles and draws")]
    public long Seed { get; set; }

    /// <summary>Compute type.</summary>
    [Option("Compute type; masters, gradients, moments and sums are float32. auto: bfloat16 for a bf16 checkpoint where the machine's bf16 instruction pays, else float32", Choices = "auto,float32,bfloat16")]
    public string Dtype { get; set; } = "auto";

    /// <summary>Keys and values.</summary>
    [Option("Keys and values of attention, in rollouts' cache and in training alike; auto: the compute type", Choices = "auto,float32,bfloat16")]
    public string KvType { get; set; } = "auto";

    /// <summary>Checkpoints.</summary>
    [Option("Steps between checkpoints; 0: only at the end", Min = 0)]
    public int SaveEvery { get; set; }

    /// <summary>How many stay.</summary>
    [Option("Checkpoints that are kept, the newest; 0: all", Min = 0)]
    public int KeepCheckpoints { get; set; } = 2;

    /// <summary>Evaluations.</summary>
    [Option("Steps between evaluations; 0: only at the end", Min = 0)]
    public int EvalEvery { get; set; }

    /// <summary>Shuffle.</summary>
    [Option("Shuffle the data anew in every pass")]
    public bool Shuffle { get; set; } = true;

    /// <summary>Types of the computation.</summary>
    public PrecisionOptions Types => new() { DType = Dtype, KeyValueType = KvType };

    /// <summary>The optimizer's constants.</summary>
    public virtual TrainingOptions Training(double headLearningRateScale = 1) => new()
    {
        Optimizer = new AdamWOptions { Beta1 = AdamBeta1, Beta2 = AdamBeta2, Epsilon = AdamEpsilon, WeightDecay = WeightDecay, MaxGradientNorm = GradientClip },
        ActivationBytes = (long)ActivationMib << 20,
        RecomputeActivations = RecomputeActivations,
        HeadLearningRateScale = headLearningRateScale,
    };

    /// <summary>The rate by step.</summary>
    /// <param name="peak">Peak rate.</param>
    /// <param name="steps">Steps of the whole run.</param>
    public LearningRateSchedule LearningRates(double peak, int steps) => new(Schedule, peak, WarmupSteps, steps) { MinRatio = MinLearningRateRatio, DecaySteps = steps / 10 };
}
