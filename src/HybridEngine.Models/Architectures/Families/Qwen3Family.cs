using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Qwen 3 (dense): Llama with an RMS norm of every query and key head before the rotation, and a head size of its own.</summary>
internal sealed class Qwen3Family : ModelFamily
{
    public override string Name => "qwen3";

    public override string TransformersClass => "Qwen3ForCausalLM";

    public override string BodyPrefix => LlamaLayout.Prefix;

    public override IReadOnlyList<ParameterBinding> Bind(DecoderConfig config) => LlamaLayout.Bind(config);

    protected override DecoderConfig ReadDecoder(ConfigReader config)
    {
        if (!config.Has("head_dim")) { throw new InvalidInputException(config.Source, "no head_dim", "one, as Qwen 3's head size does not follow from hidden_size"); }
        DecoderConfig c = LlamaLayout.Read(config, Name, ReadActivation(config, "hidden_act", "silu"), config.Size("num_key_value_heads"), config.Size("max_position_embeddings", 32768));
        bool bias = config.Flag("attention_bias", false);
        return c with { QueryKeyNorm = true, QueryKeyValueBias = bias, AttentionOutputBias = bias, Windows = Qwen2Family.ReadWindows(config, c.Layers) };
    }
}
