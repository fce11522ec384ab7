namespace HybridEngine.Models;

/// <summary>Mistral: Llama with a sliding window on every layer.</summary>
internal sealed class MistralFamily : ModelFamily
{
    public override string Name => "mistral";

    public override string TransformersClass => "MistralForCausalLM";

    public override string BodyPrefix => LlamaLayout.Prefix;

    public override IReadOnlyList<ParameterBinding> Bind(DecoderConfig config) => LlamaLayout.Bind(config);

    protected override DecoderConfig ReadDecoder(ConfigReader config)
    {
        DecoderConfig c = LlamaLayout.Read(config, Name, ReadActivation(config, "hidden_act", "silu"), config.Size("num_key_value_heads", 8), config.Size("max_position_embeddings", 4096 * 32));
        // transformers' default window is 4096; an explicit null means none.
        int? window = config.Integer("sliding_window") ?? (config.IsNull("sliding_window") ? null : 4096);
        return c with { Windows = LlamaLayout.ReadWindows(config, c.Layers, window) };
    }
}
