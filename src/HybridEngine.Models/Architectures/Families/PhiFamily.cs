namespace HybridEngine.Models;

/// <summary>Phi 1, 1.5 and 2: attention and MLP side by side behind one LayerNorm, rotary positions on part of the head, biases everywhere, on the vocabulary head too.</summary>
internal sealed class PhiFamily : ModelFamily
{
    public override string Name => "phi";

    public override string TransformersClass => "PhiForCausalLM";

    public override string BodyPrefix => "model.";

    internal override TensorNames Names { get; } = new()
    {
        Embedding = "model.embed_tokens",
        Block = "model.layers.",
        AttentionNorm = "input_layernorm",
        Query = "self_attn.q_proj",
        Key = "self_attn.k_proj",
        Value = "self_attn.v_proj",
        QueryNorm = "self_attn.q_layernorm",
        KeyNorm = "self_attn.k_layernorm",
        AttentionOutput = "self_attn.dense",
        Up = "mlp.fc1",
        Down = "mlp.fc2",
        FinalNorm = "model.final_layernorm",
    };

    protected override IReadOnlyList<string> Options => ["partial_rotary_factor", "qk_layernorm"];

    protected override DecoderConfig ReadDecoder(ConfigReader config)
    {
        DecoderConfig c = ReadSizes(config, new SizeKeys(KeyHeads: "num_key_value_heads"), LayerNorm(config, "layer_norm_eps"), ReadActivation(config, "hidden_act", "gelu_new"), tied: false);
        return c with
        {
            BlockOrder = BlockOrder.ParallelOneNorm,
            GatedMlp = false,
            QueryKeyValueBias = true,
            AttentionOutputBias = true,
            MlpBias = true,
            HeadBias = true,
            QueryKeyNorm = config.Flag("qk_layernorm", false) ? QueryKeyNorm.EachHead : QueryKeyNorm.None,
            Rotary = RotaryFrequencies.Read(config, c.HeadSize, c.MaxPositions, partial: 0.5),
        };
    }
}
