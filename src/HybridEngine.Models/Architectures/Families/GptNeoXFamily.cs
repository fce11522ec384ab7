namespace HybridEngine.Models;

/// <summary>GPT-NeoX and Pythia: attention and MLP side by side, each behind its own LayerNorm (or one after the other), rotary positions on part of the head, projections fused head by head.</summary>
internal sealed class GptNeoXFamily : ModelFamily
{
    public override string Name => "gpt_neox";

    public override string TransformersClass => "GPTNeoXForCausalLM";

    public override string BodyPrefix => "gpt_neox.";

    internal override TensorNames Names { get; } = new()
    {
        Embedding = "gpt_neox.embed_in",
        Block = "gpt_neox.layers.",
        AttentionNorm = "input_layernorm",
        QueryKeyValue = "attention.query_key_value",
        QueryKeyValueOrder = FusedOrder.HeadByHead,
        AttentionOutput = "attention.dense",
        MlpNorm = "post_attention_layernorm",
        Up = "mlp.dense_h_to_4h",
        Down = "mlp.dense_4h_to_h",
        FinalNorm = "gpt_neox.final_layer_norm",
        Head = "embed_out",
    };

    protected override IReadOnlyList<string> Options => ["rotary_pct", "partial_rotary_factor", "use_parallel_residual"];

    protected override DecoderConfig ReadDecoder(ConfigReader config)
    {
        DecoderConfig c = ReadSizes(config, new SizeKeys(), LayerNorm(config, "layer_norm_eps"), ReadActivation(config, "hidden_act", "gelu"), tied: false);
        bool bias = config.Flag("attention_bias", true);
        return c with
        {
            BlockOrder = config.Flag("use_parallel_residual", true) ? BlockOrder.Parallel : BlockOrder.Serial,
            GatedMlp = false,
            QueryKeyValueBias = bias,
            AttentionOutputBias = bias,
            MlpBias = true,
            Rotary = RotaryFrequencies.Read(config, c.HeadSize, c.MaxPositions, partial: 0.25),
        };
    }
}
