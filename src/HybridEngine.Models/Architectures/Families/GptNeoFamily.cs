using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>GPT-Neo: GPT-2 with unscaled attention and alternating global and local (windowed) layers.</summary>
internal sealed class GptNeoFamily : ModelFamily
{
    public override string Name => "gpt_neo";

    public override string TransformersClass => "GPTNeoForCausalLM";

    public override string BodyPrefix => "transformer.";

    internal override TensorNames Names { get; } = new()
    {
        Embedding = "transformer.wte",
        PositionEmbedding = "transformer.wpe",
        Block = "transformer.h.",
        AttentionNorm = "ln_1",
        Query = "attn.attention.q_proj",
        Key = "attn.attention.k_proj",
        Value = "attn.attention.v_proj",
        AttentionOutput = "attn.attention.out_proj",
        MlpNorm = "ln_2",
        Up = "mlp.c_fc",
        Down = "mlp.c_proj",
        FinalNorm = "transformer.ln_f",
    };

    protected override DecoderConfig ReadDecoder(ConfigReader config)
    {
        SizeKeys keys = new(Layers: "num_layers", Heads: "num_heads");
        DecoderConfig c = ReadSizes(config, keys, LayerNorm(config, "layer_norm_epsilon"), ReadActivation(config, "activation_function", "gelu_new"), tied: true);
        return c with
        {
            GatedMlp = false,
            AttentionOutputBias = true,
            MlpBias = true,
            Positions = PositionKind.Learned,
            AttentionScale = 1,
            Windows = ReadWindows(config, c.Layers),
        };
    }

    // attention_layers lists the layers; attention_types says the same as pairs of a pattern and how often it repeats.
    private static IReadOnlyList<int> ReadWindows(ConfigReader config, int layers)
    {
        IReadOnlyList<string> kinds = config.Texts("attention_layers");
        string key = "attention_layers";
        if (kinds.Count == 0) { (kinds, key) = (config.RepeatedTexts("attention_types", layers), "attention_types"); }
        if (kinds.Count == 0) { kinds = [.. Enumerable.Range(0, layers).Select(i => i % 2 == 0 ? "global" : "local")]; }
        if (kinds.Count != layers) { throw new InvalidInputException($"{config.Source}: {key}", $"{kinds.Count} layers", $"{layers}"); }
        if (kinds.FirstOrDefault(k => k is not ("global" or "local")) is { } other) { throw new UnsupportedException($"{config.Source}: {key}", other, "global, local"); }
        int window = config.Size("window_size", 256);
        return kinds.Contains("local") ? [.. kinds.Select(k => k == "local" ? window : 0)] : [];
    }
}
