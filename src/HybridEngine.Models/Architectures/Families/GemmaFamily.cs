using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Gemma: Llama with norm weights that count from 1, an embedding scaled by the root of the width and a tied head.</summary>
internal sealed class GemmaFamily : LlamaLayout
{
    public override string Name => "gemma";

    public override string TransformersClass => "GemmaForCausalLM";

    protected override DecoderConfig ReadDecoder(ConfigReader config)
    {
        // The first checkpoints said "gelu" and meant its tanh form; hidden_activation was added to say so.
        string key = config.Has("hidden_activation") ? "hidden_activation" : "hidden_act";
        ActivationKind activation = config.Text(key) is "gelu" ? ActivationKind.GeluTanh : ReadActivation(config, key, "gelu_pytorch_tanh");
        DecoderConfig c = WithAttentionBias(config, ReadLlama(config, positions: 8192, activation, tied: true, normOffset: 1, headSize: 256));
        return c with { EmbeddingScale = MathF.Sqrt(c.HiddenSize) };
    }
}
