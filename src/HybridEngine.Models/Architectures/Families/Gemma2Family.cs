namespace HybridEngine.Models;

/// <summary>Gemma 2: Gemma with norms on both sides of each branch, soft caps on scores and logits, and a sliding window on every other layer.</summary>
internal sealed class Gemma2Family : LlamaLayout
{
    public override string Name => "gemma2";

    public override string TransformersClass => "Gemma2ForCausalLM";

    internal override TensorNames Names => SandwichNames;

    protected override IReadOnlyList<string> Options => ["attn_logit_softcapping", "final_logit_softcapping", "query_pre_attn_scalar"];

    /// <summary>Llama's, with norms in front of and behind each branch.</summary>
    internal static readonly TensorNames SandwichNames = LlamaNames with
    {
        AttentionOutputNorm = "post_attention_layernorm",
        MlpNorm = "pre_feedforward_layernorm",
        MlpOutputNorm = "post_feedforward_layernorm",
    };

    protected override DecoderConfig ReadDecoder(ConfigReader config)
    {
        DecoderConfig c = WithAttentionBias(config, ReadLlama(config, positions: 8192, ReadActivation(config, "hidden_activation", "gelu_pytorch_tanh"), tied: true, normOffset: 1, headSize: 256));
        return c with
        {
            EmbeddingScale = MathF.Sqrt(c.HiddenSize),
            NormPlacement = NormPlacement.Both,
            AttentionScale = (float)(1 / Math.Sqrt(config.Positive("query_pre_attn_scalar", 256))),
            AttentionSoftCap = ReadCap(config, "attn_logit_softcapping", 50),
            LogitSoftCap = ReadCap(config, "final_logit_softcapping", 30),
            Windows = ReadWindows(config, c.Layers, config.Integer("sliding_window") ?? 4096, i => i % 2 == 0),
        };
    }

    /// <summary>A soft cap; 0 (none) for an explicit null.</summary>
    internal static float ReadCap(ConfigReader config, string key, float absent) => config.IsNull(key) ? 0 : absent == 0 && !config.Has(key) ? 0 : (float)config.Positive(key, absent);
}
