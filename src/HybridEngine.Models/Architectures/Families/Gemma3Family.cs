using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Gemma 3 (text): Gemma 2 with norms of queries and keys in place of the score cap, several local layers to a global one, and rotary frequencies of their own for each kind.</summary>
internal sealed class Gemma3Family : LlamaLayout
{
    public override string Name => "gemma3_text";

    public override string TransformersClass => "Gemma3ForCausalLM";

    internal override TensorNames Names => Gemma2Family.SandwichNames;

    protected override double DefaultTheta => 1e6;

    protected override IReadOnlyList<string> Options => ["attn_logit_softcapping", "final_logit_softcapping", "query_pre_attn_scalar"];

    protected override DecoderConfig ReadDecoder(ConfigReader config)
    {
        DecoderConfig c = WithAttentionBias(config, ReadLlama(config, positions: 131072, ReadActivation(config, "hidden_activation", "gelu_pytorch_tanh"), tied: true, normOffset: 1, headSize: 256));
        int pattern = config.Size(config.Has("sliding_window_pattern") ? "sliding_window_pattern" : "_sliding_window_pattern", 6);
        c = c with
        {
            EmbeddingScale = MathF.Sqrt(c.HiddenSize),
            NormPlacement = NormPlacement.Both,
            QueryKeyNorm = QueryKeyNorm.EachHead,
            AttentionScale = (float)(1 / Math.Sqrt(config.Positive("query_pre_attn_scalar", 256))),
            AttentionSoftCap = Gemma2Family.ReadCap(config, "attn_logit_softcapping", 0),
            LogitSoftCap = Gemma2Family.ReadCap(config, "final_logit_softcapping", 0),
            Windows = ReadWindows(config, c.Layers, config.Integer("sliding_window") ?? 4096, i => (i + 1) % pattern != 0),
        };
        RotarySpec local = RotaryFrequencies.ReadByKind(config, c.HeadSize, c.MaxPositions, DefaultTheta).Local;
        return c with { LayerRotary = [.. Enumerable.Range(0, c.Layers).Select(i => c.Window(i) > 0 ? local : c.Rotary)] };
    }

    protected override RotarySpec ReadRotary(ConfigReader config, DecoderConfig c) => RotaryFrequencies.ReadByKind(config, c.HeadSize, c.MaxPositions, DefaultTheta).Global;
}
