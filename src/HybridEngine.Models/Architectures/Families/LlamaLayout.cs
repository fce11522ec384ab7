using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>What Llama and its relatives share: RMS norms before each half of a block, rotary positions, a gated MLP, keys and tensor names. A relative is what it does differently.</summary>
internal abstract class LlamaLayout : ModelFamily
{
    // Far above any model; each expert is three tensors in every layer.
    private const int MaxExperts = 4096;

    protected static readonly TensorNames LlamaNames = new()
    {
        Embedding = "model.embed_tokens",
        Block = "model.layers.",
        AttentionNorm = "input_layernorm",
        Query = "self_attn.q_proj",
        Key = "self_attn.k_proj",
        Value = "self_attn.v_proj",
        QueryNorm = "self_attn.q_norm",
        KeyNorm = "self_attn.k_norm",
        AttentionOutput = "self_attn.o_proj",
        MlpNorm = "post_attention_layernorm",
        Gate = "mlp.gate_proj",
        Up = "mlp.up_proj",
        Down = "mlp.down_proj",
        FinalNorm = "model.norm",
    };

    public override string BodyPrefix => "model.";

    internal override TensorNames Names => LlamaNames;

    /// <summary>Base of the rotary frequencies where the file has none.</summary>
    protected virtual double DefaultTheta => 10000;

    /// <summary>The keys that all relatives have; a family adds its own with a <c>with</c> expression.</summary>
    /// <param name="config">The file.</param>
    /// <param name="positions">Longest context where the file does not say.</param>
    /// <param name="activation">Read from <c>hidden_act</c> when not given.</param>
    /// <param name="tied">Whether head and embedding are one where the file does not say.</param>
    /// <param name="normOffset">Added to norm weights.</param>
    /// <param name="headSize">Where the file has no <c>head_dim</c>; 0: hidden size by heads.</param>
    protected DecoderConfig ReadLlama(ConfigReader config, int positions, ActivationKind? activation = null, bool tied = false, float normOffset = 0, int headSize = 0)
    {
        SizeKeys keys = new(KeyHeads: "num_key_value_heads", HeadSize: "head_dim", IntermediateRequired: true, DefaultPositions: positions);
        NormOptions norm = new(NormKind.Rms, (float)config.Positive("rms_norm_eps", 1e-6), normOffset);
        DecoderConfig c = ReadSizes(config, keys, norm, activation ?? ReadActivation(config, "hidden_act", "silu"), tied, headSize);
        return c with { Rotary = ReadRotary(config, c) };
    }

    /// <summary>The rotary frequencies of all layers.</summary>
    protected virtual RotarySpec ReadRotary(ConfigReader config, DecoderConfig c) => RotaryFrequencies.Read(config, c.HeadSize, c.MaxPositions, theta: DefaultTheta);

    /// <summary><c>attention_bias</c>: on q, k, v and the output alike.</summary>
    protected static DecoderConfig WithAttentionBias(ConfigReader config, DecoderConfig c)
    {
        bool bias = config.Flag("attention_bias", false);
        return c with { QueryKeyValueBias = bias, AttentionOutputBias = bias };
    }

    /// <summary>Sliding windows by layer: from <c>layer_types</c> where the file has them, else of the layers that <paramref name="slides"/> names.</summary>
    protected static IReadOnlyList<int> ReadWindows(ConfigReader config, int layers, int? window, Func<int, bool> slides)
    {
        if (window is <= 0) { throw new InvalidInputException($"{config.Source}: sliding_window", $"{window}", "an integer of at least 1, or null"); }
        IReadOnlyList<bool>? sliding = ReadLayerTypes(config, layers);
        if (sliding is null) { return window is { } width && Enumerable.Range(0, layers).Any(slides) ? [.. Enumerable.Range(0, layers).Select(i => slides(i) ? width : 0)] : []; }
        if (!sliding.Contains(true)) { return []; }
        int size = window ?? throw new InvalidInputException(config.Source, "sliding_attention layers without sliding_window", "a sliding_window");
        return [.. sliding.Select(s => s ? size : 0)];
    }

    /// <summary>Windows as Qwen and SmolLM3 configure them: only with <c>use_sliding_window</c>, from layer <c>max_window_layers</c> on.</summary>
    protected static IReadOnlyList<int> ReadOptionalWindows(ConfigReader config, int layers)
    {
        int? window = config.Flag("use_sliding_window", false) ? config.Integer("sliding_window") : null;
        int first = config.Integer("max_window_layers") ?? 28;
        return ReadWindows(config, layers, window, i => i >= first);
    }

    /// <summary>How many experts there are and how tokens choose among them.</summary>
    protected static ExpertConfig ReadExperts(ConfigReader config, string key, int absent, int perToken, int intermediateSize, bool normalize, IReadOnlyList<bool> layers)
    {
        int count = config.Size(key, absent), chosen = config.Size("num_experts_per_tok", perToken);
        if (count > MaxExperts) { throw new InvalidInputException($"{config.Source}: {key}", $"{count}", $"at most {MaxExperts}"); }
        return chosen <= count ? new ExpertConfig(count, chosen, intermediateSize, normalize, layers)
            : throw new InvalidInputException($"{config.Source}: num_experts_per_tok", $"{chosen}", $"at most the {count} experts");
    }

    // Which layers slide by the file's own list, or null.
    private static IReadOnlyList<bool>? ReadLayerTypes(ConfigReader config, int layers)
    {
        IReadOnlyList<string> types = config.Texts("layer_types");
        if (types.Count == 0) { return null; }
        if (types.Count != layers) { throw new InvalidInputException($"{config.Source}: layer_types", $"{types.Count} entries", $"{layers}, one a layer"); }
        return types.FirstOrDefault(t => t is not ("full_attention" or "sliding_attention")) is { } other
            ? throw new UnsupportedException(config.Source, $"layer type {other}", "full_attention, sliding_attention")
            : [.. types.Select(t => t == "sliding_attention")];
    }
}
