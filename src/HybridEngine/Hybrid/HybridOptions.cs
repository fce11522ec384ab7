using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Training;

namespace HybridEngine;

/// <summary>How a <see cref="HybridModel"/> runs.</summary>
public sealed record HybridOptions
{
    /// <summary><c>auto</c>, <c>cpu</c> or <c>reference</c> (<see cref="Backends"/>).</summary>
    public string Backend { get; init; } = Backends.Auto;

    /// <summary>Threads; 0 is one for each CPU of this process.</summary>
    public int Threads { get; init; }

    /// <summary>Type of weights and computation. <c>auto</c>: weights stay in the type of the checkpoint while they are only read (bfloat16, float16, Q8_0, Q4_0, Q4_1; others become
    /// float32), and become float32 when they are trained; <c>float32</c>: float32 at once. Sums are float32 either way, and results are the same bits.</summary>
    public string DType { get; init; } = "auto";

    /// <summary>Seed of sampling where a request brings none, and of random weights.</summary>
    public long Seed { get; init; }

    /// <summary>Sizes of generation.</summary>
    public EngineOptions Engine { get; init; } = new();

    /// <summary>Path of a smaller model of the same vocabulary that guesses tokens ahead while generating (<see cref="EngineOptions.Speculation"/>); null for none. Answers do not change.</summary>
    public string? DraftModel { get; init; }

    /// <summary>Optimizer and memory of training.</summary>
    public TrainingOptions Training { get; init; } = new();

    /// <summary>Bytes that the mode which is not in use may keep: its KV cache, or its gradients and activations. What is more goes back to the system at the switch and is
    /// made anew at the next. 0 always gives back, <see cref="long.MaxValue"/> always keeps.</summary>
    public long IdleBytes { get; init; } = 256L << 20;

    /// <summary>Called with what the user should know, such as a slow fallback; null writes a line to standard error.</summary>
    public Action<string>? Warn { get; init; }

    internal void Validate()
    {
        if (DType is "bfloat16") { throw new UnsupportedException("dtype", "bfloat16 in this build", "auto, float32"); }
        if (DType is not ("auto" or "float32")) { throw new InvalidInputException("dtype", $"'{DType}'", "auto, float32 or bfloat16"); }
        if (IdleBytes < 0) { throw new InvalidInputException("idle_bytes", $"{IdleBytes}", "0 or more"); }
        Engine.Validate();
    }
}
