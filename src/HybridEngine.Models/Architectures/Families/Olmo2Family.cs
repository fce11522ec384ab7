namespace HybridEngine.Models;

/// <summary>OLMo 2: Llama with norms on the outputs of the branches in place of their inputs, and norms of all queries and of all keys of a token.</summary>
internal sealed class Olmo2Family : LlamaLayout
{
    private static readonly TensorNames _names = LlamaNames with { AttentionOutputNorm = "post_attention_layernorm", MlpOutputNorm = "post_feedforward_layernorm" };

    public override string Name => "olmo2";

    public override string TransformersClass => "Olmo2ForCausalLM";

    internal override TensorNames Names => _names;

    protected override DecoderConfig ReadDecoder(ConfigReader config) =>
        WithAttentionBias(config, ReadLlama(config, positions: 2048)) with { NormPlacement = NormPlacement.Output, QueryKeyNorm = QueryKeyNorm.AllHeads };
}
