using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>OPT: learned positions from row 2 on, LayerNorm with biases, ReLU; the 350m model normalises after each half of a block and has a narrower embedding with projections.</summary>
internal sealed class OptFamily : ModelFamily
{
    public override string Name => "opt";

    public override string TransformersClass => "OPTForCausalLM";

    public override string BodyPrefix => "model.";

    internal override TensorNames Names { get; } = new()
    {
        Embedding = "model.decoder.embed_tokens",
        PositionEmbedding = "model.decoder.embed_positions",
        ProjectIn = "model.decoder.project_in",
        ProjectOut = "model.decoder.project_out",
        Block = "model.decoder.layers.",
        AttentionNorm = "self_attn_layer_norm",
        Query = "self_attn.q_proj",
        Key = "self_attn.k_proj",
        Value = "self_attn.v_proj",
        AttentionOutput = "self_attn.out_proj",
        MlpNorm = "final_layer_norm",
        Up = "fc1",
        Down = "fc2",
        FinalNorm = "model.decoder.final_layer_norm",
    };

    protected override DecoderConfig ReadDecoder(ConfigReader config)
    {
        if (!config.Flag("layer_norm_elementwise_affine", true)) { throw config.Unsupported("layer_norm_elementwise_affine", "true"); }
        bool before = config.Flag("do_layer_norm_before", true), bias = config.Flag("enable_bias", true);
        DecoderConfig c = ReadSizes(config, new SizeKeys(Intermediate: "ffn_dim", IntermediateRequired: true), new NormOptions(NormKind.Layer, 1e-5f), ReadActivation(config, "activation_function", "relu"), tied: true);
        return c with
        {
            EmbeddingSize = config.Size("word_embed_proj_dim", c.HiddenSize),
            NormPlacement = before ? NormPlacement.Before : NormPlacement.After,
            FinalNorm = before && !config.Flag("_remove_final_layer_norm", false),
            GatedMlp = false,
            QueryKeyValueBias = bias,
            AttentionOutputBias = bias,
            MlpBias = bias,
            Positions = PositionKind.Learned,
            PositionOffset = 2,
        };
    }
}
