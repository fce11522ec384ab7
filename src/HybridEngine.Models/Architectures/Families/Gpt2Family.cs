namespace HybridEngine.Models;

/// <summary>GPT-2: learned positions, LayerNorm with biases, tanh GELU; weights stored [inputs, outputs] (Conv1D), q, k and v fused in one.</summary>
internal sealed class Gpt2Family : ModelFamily
{
    public override string Name => "gpt2";

    public override string TransformersClass => "GPT2LMHeadModel";

    public override string BodyPrefix => "transformer.";

    internal override TensorNames Names { get; } = new()
    {
        Embedding = "transformer.wte",
        PositionEmbedding = "transformer.wpe",
        Block = "transformer.h.",
        AttentionNorm = "ln_1",
        QueryKeyValue = "attn.c_attn",
        AttentionOutput = "attn.c_proj",
        MlpNorm = "ln_2",
        Up = "mlp.c_fc",
        Down = "mlp.c_proj",
        FinalNorm = "transformer.ln_f",
        Transposed = true,
    };

    protected override DecoderConfig ReadDecoder(ConfigReader config)
    {
        SizeKeys keys = new("n_embd", "n_layer", "n_head", Intermediate: "n_inner", Positions: "n_positions", DefaultPositions: 1024);
        DecoderConfig c = ReadSizes(config, keys, LayerNorm(config, "layer_norm_epsilon"), ReadActivation(config, "activation_function", "gelu_new"), tied: true);
        return c with
        {
            GatedMlp = false,
            QueryKeyValueBias = true,
            AttentionOutputBias = true,
            MlpBias = true,
            Positions = PositionKind.Learned,
            AttentionScale = config.Flag("scale_attn_weights", true) ? c.AttentionScale : 1,
            ScaleByLayer = config.Flag("scale_attn_by_inverse_layer_idx", false),
        };
    }
}
