namespace HybridEngine.Models;

/// <summary>Mistral: Llama with a sliding window on every layer.</summary>
internal sealed class MistralFamily : LlamaLayout
{
    public override string Name => "mistral";

    public override string TransformersClass => "MistralForCausalLM";

    protected override DecoderConfig ReadDecoder(ConfigReader config)
    {
        DecoderConfig c = ReadLlama(config, positions: 4096 * 32);
        // transformers' default window is 4096; an explicit null means none.
        int? window = config.Integer("sliding_window") ?? (config.IsNull("sliding_window") ? null : 4096);
        return c with { Windows = ReadWindows(config, c.Layers, window, _ => true) };
    }
}
