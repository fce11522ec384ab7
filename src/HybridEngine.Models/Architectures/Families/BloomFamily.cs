namespace HybridEngine.Models;

/// <summary>BLOOM: linear attention biases in place of positions, a norm behind the embedding, projections fused head by head.</summary>
internal sealed class BloomFamily : ModelFamily
{
    public override string Name => "bloom";

    public override string TransformersClass => "BloomForCausalLM";

    public override string BodyPrefix => "transformer.";

    internal override TensorNames Names { get; } = new()
    {
        Embedding = "transformer.word_embeddings",
        EmbeddingNorm = "transformer.word_embeddings_layernorm",
        Block = "transformer.h.",
        AttentionNorm = "input_layernorm",
        QueryKeyValue = "self_attention.query_key_value",
        QueryKeyValueOrder = FusedOrder.HeadByHead,
        AttentionOutput = "self_attention.dense",
        MlpNorm = "post_attention_layernorm",
        Up = "mlp.dense_h_to_4h",
        Down = "mlp.dense_4h_to_h",
        FinalNorm = "transformer.ln_f",
    };

    protected override DecoderConfig ReadDecoder(ConfigReader config)
    {
        // Older files say n_embed and num_attention_heads. ALiBi sets no limit to the context; seq_length is that of training.
        SizeKeys keys = new(config.Has("n_embed") ? "n_embed" : "hidden_size", config.Has("n_layer") ? "n_layer" : "num_hidden_layers",
            config.Has("n_head") ? "n_head" : "num_attention_heads", Intermediate: null, Positions: "seq_length");
        DecoderConfig c = ReadSizes(config, keys, LayerNorm(config, "layer_norm_epsilon"), Core.ActivationKind.GeluTanh, tied: true);
        return c with
        {
            NormPlacement = config.Flag("apply_residual_connection_post_layernorm", false) ? NormPlacement.Carried : NormPlacement.Before,
            EmbeddingNorm = true,
            GatedMlp = false,
            QueryKeyValueBias = true,
            AttentionOutputBias = true,
            MlpBias = true,
            Positions = PositionKind.Alibi,
        };
    }
}
