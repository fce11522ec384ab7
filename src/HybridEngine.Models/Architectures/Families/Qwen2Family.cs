namespace HybridEngine.Models;

/// <summary>Qwen 2 and 2.5: Llama with biases on q, k and v; optionally a sliding window from some layer on.</summary>
internal sealed class Qwen2Family : LlamaLayout
{
    public override string Name => "qwen2";

    public override string TransformersClass => "Qwen2ForCausalLM";

    protected override DecoderConfig ReadDecoder(ConfigReader config)
    {
        DecoderConfig c = ReadLlama(config, positions: 32768);
        return c with { QueryKeyValueBias = true, Windows = ReadOptionalWindows(config, c.Layers) };
    }
}
