namespace HybridEngine.Models;

/// <summary>Qwen 3 (dense): Llama with an RMS norm of every query and key head before the rotation, and a head size of its own.</summary>
internal sealed class Qwen3Family : LlamaLayout
{
    public override string Name => "qwen3";

    public override string TransformersClass => "Qwen3ForCausalLM";

    protected override DecoderConfig ReadDecoder(ConfigReader config)
    {
        DecoderConfig c = WithAttentionBias(config, ReadLlama(config, positions: 32768, headSize: 128));
        return c with { QueryKeyNorm = QueryKeyNorm.EachHead, Windows = ReadOptionalWindows(config, c.Layers) };
    }
}
