using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>GPT-J: attention and MLP side by side behind one LayerNorm, interleaved rotary positions on the head's first elements, biases on the MLP and the vocabulary head.</summary>
internal sealed class GptJFamily : ModelFamily
{
    public override string Name => "gptj";

    public override string TransformersClass => "GPTJForCausalLM";

    public override string BodyPrefix => "transformer.";

    internal override TensorNames Names { get; } = new()
    {
        Embedding = "transformer.wte",
        Block = "transformer.h.",
        AttentionNorm = "ln_1",
        Query = "attn.q_proj",
        Key = "attn.k_proj",
        Value = "attn.v_proj",
        AttentionOutput = "attn.out_proj",
        Up = "mlp.fc_in",
        Down = "mlp.fc_out",
        FinalNorm = "transformer.ln_f",
    };

    protected override DecoderConfig ReadDecoder(ConfigReader config)
    {
        SizeKeys keys = new("n_embd", "n_layer", "n_head", Intermediate: "n_inner", Positions: "n_positions");
        DecoderConfig c = ReadSizes(config, keys, LayerNorm(config, "layer_norm_epsilon"), ReadActivation(config, "activation_function", "gelu_new"), tied: false);
        if (config.IsNull("rotary_dim")) { throw config.Unsupported("rotary_dim", "a number"); }
        int rotary = config.Size("rotary_dim", 64);
        return c with
        {
            BlockOrder = BlockOrder.ParallelOneNorm,
            GatedMlp = false,
            MlpBias = true,
            HeadBias = true,
            Rotary = new RotarySpec(rotary, RotaryFrequencies.Plain(rotary, 10000), Layout: RotaryLayout.Interleaved),
        };
    }
}
