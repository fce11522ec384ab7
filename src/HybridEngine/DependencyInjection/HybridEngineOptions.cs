using HybridEngine.Core;
using HybridEngine.Inference;

namespace HybridEngine;

/// <summary>A model and how it runs, as <c>AddHybridEngine</c> takes it and a configuration section binds to it.</summary>
public sealed class HybridEngineOptions
{
    /// <summary>A folder in Hugging Face layout, a GGUF file, or a checkpoint of ours. Required.</summary>
    public string? Model { get; set; }

    /// <summary>The model's name in answers, metrics and traces; null is the last part of <see cref="Model"/>.</summary>
    public string? ModelId { get; set; }

    /// <summary><c>auto</c>, <c>cpu</c> or <c>reference</c>.</summary>
    public string Backend { get; set; } = Backends.Auto;

    /// <summary>Threads; 0 is one for each CPU of this process.</summary>
    public int Threads { get; set; }

    /// <summary>Compute type: <c>auto</c>, <c>float32</c> or <c>bfloat16</c> (<see cref="PrecisionOptions.DType"/>).</summary>
    public string DType { get; set; } = "auto";

    /// <summary>Activations that meet block-quantized weights: <c>auto</c> or <c>int8</c>.</summary>
    public string Activations { get; set; } = "auto";

    /// <summary>Cached keys and values: <c>auto</c>, <c>float32</c>, <c>bfloat16</c> or <c>int8</c>.</summary>
    public string KeyValueType { get; set; } = "auto";

    /// <summary>Block type that matrices are quantized to when they are loaded, such as <c>q8_0</c>; empty for none.</summary>
    public string Quantize { get; set; } = "";

    /// <summary>Seed of calls that bring none.</summary>
    public long Seed { get; set; }

    /// <summary>Sequences that run at once, at most.</summary>
    public int MaxSequences { get; set; } = 256;

    /// <summary>Longest prompt and completion together; 0 is the model's own limit.</summary>
    public int MaxContext { get; set; }

    /// <summary>Bytes of keys and values, at most.</summary>
    public long MaxCacheBytes { get; set; } = 2L << 30;

    /// <summary>Requests that wait or run at once, at most.</summary>
    public int MaxPending { get; set; } = 1024;

    /// <summary>What happens to one more.</summary>
    public FullQueue WhenFull { get; set; }

    /// <summary>Longest answer of a chat, in tokens, where a call does not say.</summary>
    public int MaxOutputTokens { get; set; } = 1024;

    /// <summary>Temperature where a call does not say.</summary>
    public float Temperature { get; set; } = 1;

    /// <summary>Nucleus where a call does not say.</summary>
    public float TopP { get; set; } = 1;

    /// <summary>How embeddings are pooled: mean or last.</summary>
    public EmbeddingPooling Pooling { get; set; } = EmbeddingPooling.Mean;

    internal string RequireModel() => !string.IsNullOrWhiteSpace(Model) ? Model : throw new InvalidInputException("HybridEngineOptions.Model", "nothing", "a folder or a .gguf file");

    internal HybridOptions ForModel() => new()
    {
        Backend = Backend, Threads = Threads, DType = DType, Activations = Activations, KeyValueType = KeyValueType, Quantize = Quantize, Seed = Seed,
        Engine = new EngineOptions { MaxSequences = MaxSequences, MaxContext = MaxContext, MaxCacheBytes = MaxCacheBytes, MaxBatchTokens = Math.Max(MaxSequences, new EngineOptions().MaxBatchTokens) },
    };

    internal AsyncEngineOptions ForEngine() => new() { ModelId = ModelId, MaxPending = MaxPending, WhenFull = WhenFull };

    internal ChatClientOptions ForChat() => new() { MaxOutputTokens = MaxOutputTokens, Sampling = new SamplingOptions { Temperature = Temperature, TopP = TopP } };
}
