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
        ("rope_interleaved", ["false"]), ("use_qk_norm", ["false"]), ("qk_layernorm", ["false"]), ("use_bidirectional_attention", ["false"]),
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
            if (!Options.Contains(key) && config.Raw(key) is { } value && !harmless.Contains(value)) { throw config.Unsupported(key, $"{Name} without it"); }
        }

        DecoderConfig result = ReadDecoder(config);
        Check(config, result);
        return result;
    }

    /// <summary>Where each parameter lives in a checkpoint, in the order of the forward pass.</summary>
    public IReadOnlyList<ParameterBinding> Bind(DecoderConfig config) => Names.Bind(config);

    /// <summary>The weight of a vocabulary head of its own.</summary>
    internal string HeadTensor => Names.Head + ".weight";

    /// <summary>What the tensors are called.</summary>
    internal abstract TensorNames Names { get; }

    /// <summary>Keys of this family among those that are refused elsewhere.</summary>
    protected virtual IReadOnlyList<string> Options => [];

    /// <summary>The family's own keys.</summary>
    protected abstract DecoderConfig ReadDecoder(ConfigReader config);

    /// <summary>What all families have, under the names that this one gives it; the family adds the rest with a <c>with</c> expression.</summary>
    /// <param name="config">The file.</param>
    /// <param name="keys">Names of the sizes.</param>
    /// <param name="norm">Kind and epsilon.</param>
    /// <param name="activation">Of the MLP.</param>
    /// <param name="tied">Whether head and embedding are one where the file does not say.</param>
    /// <param name="headSize">Where the file has no <c>head_dim</c>; 0: hidden size by heads.</param>
    protected DecoderConfig ReadSizes(ConfigReader config, SizeKeys keys, NormOptions norm, ActivationKind activation, bool tied, int headSize = 0)
    {
        int hidden = config.Size(keys.Hidden), heads = config.Size(keys.Heads);
        if (keys.HeadSize is not null && config.Has(keys.HeadSize)) { headSize = config.Size(keys.HeadSize); }
        if (headSize == 0 && hidden % heads != 0) { throw new InvalidInputException($"{config.Source}: {keys.Heads}", $"{heads}", $"a divisor of {keys.Hidden} {hidden}{(keys.HeadSize is null ? "" : $", or {keys.HeadSize}")}"); }
        headSize = headSize == 0 ? hidden / heads : headSize;
        return new DecoderConfig
        {
            Family = Name,
            VocabularySize = config.Size("vocab_size"),
            HiddenSize = hidden,
            EmbeddingSize = hidden,
            Layers = config.Size(keys.Layers),
            QueryHeads = heads,
            KeyHeads = keys.KeyHeads is null ? heads : config.Size(keys.KeyHeads, heads),
            HeadSize = headSize,
            IntermediateSize = keys.Intermediate is null ? checked(4 * hidden) : config.Size(keys.Intermediate, keys.IntermediateRequired ? null : checked(4 * hidden)),
            Norm = norm,
            NormBias = norm.Kind == NormKind.Layer,
            Activation = activation,
            MaxPositions = config.Size(keys.Positions, keys.DefaultPositions),
            AttentionScale = (float)(1 / Math.Sqrt(headSize)),
            TiedEmbeddings = config.Flag("tie_word_embeddings", tied),
            BosTokenId = ReadTokenId(config, "bos_token_id"),
            EosTokenIds = config.TokenIds("eos_token_id"),
            PadTokenId = ReadTokenId(config, "pad_token_id"),
        };
    }

    /// <summary>A layer norm with the epsilon under <paramref name="key"/>.</summary>
    protected static NormOptions LayerNorm(ConfigReader config, string key) => new(NormKind.Layer, (float)config.Positive(key, 1e-5));

    /// <summary>The activation by transformers' name under <paramref name="key"/>.</summary>
    protected static ActivationKind ReadActivation(ConfigReader config, string key, string absent) => (config.Text(key) ?? absent) switch
    {
        "relu" => ActivationKind.Relu,
        "silu" or "swish" => ActivationKind.Silu,
        "gelu" or "gelu_python" => ActivationKind.Gelu,
        "gelu_new" or "gelu_fast" or "gelu_accurate" or "gelu_pytorch_tanh" or "gelu_python_tanh" => ActivationKind.GeluTanh,
        _ => throw config.Unsupported(key, "relu, silu, gelu, gelu_new, gelu_pytorch_tanh"),
    };

    private static int? ReadTokenId(ConfigReader config, string key) => config.TokenIds(key) is [int id, ..] ? id : null;

    private static void Check(ConfigReader config, DecoderConfig c)
    {
        string source = config.Source;
        if (c.QueryHeads % c.KeyHeads != 0) { throw new InvalidInputException(source, $"{c.QueryHeads} query heads and {c.KeyHeads} key heads", "a multiple of the key heads"); }
        foreach (RotarySpec rotary in c.LayerRotary.Append(c.Rotary).OfType<RotarySpec>())
        {
            if (rotary.RotarySize < 2 || rotary.RotarySize % 2 != 0 || rotary.RotarySize > c.HeadSize) { throw new InvalidInputException(source, $"{rotary.RotarySize} rotated elements of a head of {c.HeadSize}", "an even number, 2 to the head size"); }
        }

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
