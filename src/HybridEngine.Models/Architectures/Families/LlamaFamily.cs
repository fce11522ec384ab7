namespace HybridEngine.Models;

/// <summary>Llama 1 to 3, SmolLM2, TinyLlama and whatever else says <c>llama</c>: grouped-query attention, scaled rotary positions, optional biases.</summary>
internal sealed class LlamaFamily : LlamaLayout
{
    public override string Name => "llama";

    public override string TransformersClass => "LlamaForCausalLM";

    protected override DecoderConfig ReadDecoder(ConfigReader config) =>
        WithAttentionBias(config, ReadLlama(config, positions: 2048)) with { MlpBias = config.Flag("mlp_bias", false) };
}
