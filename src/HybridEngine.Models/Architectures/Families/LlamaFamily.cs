namespace HybridEngine.Models;

/// <summary>Llama 1 to 3, SmolLM2, TinyLlama and whatever else says <c>llama</c>: grouped-query attention, scaled rotary positions, optional biases.</summary>
internal sealed class LlamaFamily : ModelFamily
{
    public override string Name => "llama";

    public override string TransformersClass => "LlamaForCausalLM";

    public override string BodyPrefix => LlamaLayout.Prefix;

    public override IReadOnlyList<ParameterBinding> Bind(DecoderConfig config) => LlamaLayout.Bind(config);

    protected override DecoderConfig ReadDecoder(ConfigReader config)
    {
        int keyHeads = config.Size("num_key_value_heads", config.Size("num_attention_heads"));
        bool bias = config.Flag("attention_bias", false);
        return LlamaLayout.Read(config, Name, ReadActivation(config, "hidden_act", "silu"), keyHeads, config.Size("max_position_embeddings", 2048)) with
        {
            QueryKeyValueBias = bias,
            AttentionOutputBias = bias,
            MlpBias = config.Flag("mlp_bias", false),
        };
    }
}
