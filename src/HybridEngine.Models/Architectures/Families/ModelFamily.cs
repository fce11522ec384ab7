using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>A family of models: what its configuration means for the decoder, and what its tensors are called. One short file each.</summary>
public abstract class ModelFamily
{
    // Options of other families that change the result; a checkpoint that sets one is refused rather than run without it. Values in the second column are harmless.
    private static readonly (string Key, string[] Harmless)[] _unimplemented =
    [
        ("attn_logit_softcapping", []), ("final_logit_softcapping", []), ("logit_scale", ["1", "1.0"]), ("logits_scaling", ["1", "1.0"]),
        ("embedding_multiplier", ["1", "1.0"]), ("residual_multiplier", ["1", "1.0"]), ("attention_multiplier", []), ("query_pre_attn_scalar", []),
        ("partial_rotary_factor", ["1", "1.0"]), ("rotary_pct", ["1", "1.0"]), ("no_rope_layers", []), ("num_local_experts", ["0", "1"]), ("num_experts", ["0"]), ("n_routed_experts", ["0"]),
        ("quantization_config", []), ("alibi", ["false"]), ("parallel_attn", ["false"]), ("use_parallel_residual", ["false"]), ("clip_qkv", []),
        ("rope_interleaved", ["false"]), ("use_qk_norm", ["false"]), ("qk_layernorm", ["false"]),
        ("is_encoder_decoder", ["false"]), ("add_cross_attention", ["false"]),
    ];

    /// <summary><c>model_type</c> of the configuration.</summary>
    public abstract string Name { get; }

    /// <summary>Its class in transformers, which <c>architectures</c> of a configuration names.</summary>
    public abstract string TransformersClass { get; }

    /// <summary>Prefix of every tensor of the body, which some checkpoints leave out: <c>model.</c></summary>
    public abstract string BodyPrefix { get; }

    /// <summary>Turns a configuration into the decoder's; refuses what the decoder does not do.</summary>
    public DecoderConfig Read(ConfigReader config)
    {
        foreach ((string key, string[] harmless) in _unimplemented)
        {
            if (config.Raw(key) is { } value && !harmless.Contains(value)) { throw config.Unsupported(key, $"{Name} without it"); }
        }

        DecoderConfig result = ReadDecoder(config);
        Check(config, result);
        return result;
    }

    /// <summary>Where each parameter lives in a checkpoint, in the order of the forward pass.</summary>
    public abstract IReadOnlyList<ParameterBinding> Bind(DecoderConfig config);

    /// <summary>The family's own keys.</summary>
    protected abstract DecoderConfig ReadDecoder(ConfigReader config);

    /// <summary>The activation by transformers' name under <paramref name="key"/>.</summary>
    protected static ActivationKind ReadActivation(ConfigReader config, string key, string absent) => (config.Text(key) ?? absent) switch
    {
        "relu" => ActivationKind.Relu,
        "silu" or "swish" => ActivationKind.Silu,
        "gelu" or "gelu_python" => ActivationKind.Gelu,
        "gelu_new" or "gelu_fast" or "gelu_pytorch_tanh" => ActivationKind.GeluTanh,
        _ => throw config.Unsupported(key, "relu, silu, gelu, gelu_new, gelu_pytorch_tanh"),
    };

    /// <summary>One token id, or null when the configuration has none.</summary>
    protected static int? ReadTokenId(ConfigReader config, string key) => config.TokenIds(key) is [int id, ..] ? id : null;

    private static void Check(ConfigReader config, DecoderConfig c)
    {
        string source = config.Source;
        if (c.QueryHeads % c.KeyHeads != 0) { throw new InvalidInputException(source, $"{c.QueryHeads} query heads and {c.KeyHeads} key heads", "a multiple of the key heads"); }
        if (c.Rotary is not null && c.Rotary.RotarySize % 2 != 0) { throw new InvalidInputException(source, $"a head of {c.HeadSize}", "an even head size for rotary positions"); }
        foreach (long rows in new[] { (long)c.QueryHeads * c.HeadSize, (long)c.MaxPositions + c.PositionOffset })
        {
            if (rows > 1 << 26) { throw new InvalidInputException(source, $"a parameter of {rows} rows", $"at most {1 << 26}"); }
        }

        foreach (int id in c.EosTokenIds.Concat(new[] { c.BosTokenId, c.PadTokenId }.OfType<int>()))
        {
            if (id < 0 || id >= c.VocabularySize) { throw new InvalidInputException(source, $"special token id {id}", $"an id below vocab_size, {c.VocabularySize}"); }
        }
    }
}
