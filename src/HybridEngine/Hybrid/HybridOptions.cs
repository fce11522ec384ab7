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

    /// <summary>Compute type: <c>auto</c>, <c>float32</c> or <c>bfloat16</c> (<see cref="PrecisionOptions.DType"/>). With <c>auto</c> weights stay in the type of the checkpoint while they are only
    /// read. Sums, gradients, masters of weights and moments are float32 in each.</summary>
    public string DType { get; init; } = "auto";

    /// <summary>Activations that meet block-quantized weights: <c>auto</c> or <c>int8</c> (<see cref="PrecisionOptions.Activations"/>).</summary>
    public string Activations { get; init; } = "auto";

    /// <summary>Cached keys and values: <c>auto</c>, <c>float32</c>, <c>bfloat16</c> or <c>int8</c> (<see cref="PrecisionOptions.KeyValueType"/>).</summary>
    public string KeyValueType { get; init; } = "auto";

    /// <summary>Block type that matrices are quantized to when they are loaded, such as <c>q8_0</c>; empty for none (<see cref="PrecisionOptions.Quantize"/>).</summary>
    public string Quantize { get; init; } = "";

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

    internal PrecisionOptions Types => new() { DType = DType, Activations = Activations, KeyValueType = KeyValueType, Quantize = Quantize };

    internal void Validate()
    {
        Types.Validate();
        if (IdleBytes < 0) { throw new InvalidInputException("idle_bytes", $"{IdleBytes}", "0 or more"); }
        Engine.Validate();
    }
}
