using System.Text.Json;
using System.Text.Json.Nodes;

namespace HybridEngine.Rlhf;

/// <summary>The pocket assistant's shape: a Llama decoder of 412 thousand parameters.</summary>
public static class PocketModel
{
    /// <summary>Width of the residual stream.</summary>
    public const int HiddenSize = 128;

    /// <summary>Blocks.</summary>
    public const int Layers = 2;

    /// <summary>Query and key heads, of 32 elements each.</summary>
    public const int Heads = 4;

    /// <summary>Inner width of SwiGLU.</summary>
    public const int IntermediateSize = 344;

    /// <summary>Longest context: prompts have at most 14 tokens, answers at most 24.</summary>
    public const int MaxPositions = 64;

    /// <summary>The <c>config.json</c> as transformers writes it.</summary>
    public static string ConfigJson() => new JsonObject
    {
        ["architectures"] = new JsonArray("LlamaForCausalLM"),
        ["model_type"] = "llama",
        ["vocab_size"] = PocketVocabulary.Size,
        ["hidden_size"] = HiddenSize,
        ["intermediate_size"] = IntermediateSize,
        ["num_hidden_layers"] = Layers,
        ["num_attention_heads"] = Heads,
        ["num_key_value_heads"] = Heads,
        ["head_dim"] = HiddenSize / Heads,
        ["hidden_act"] = "silu",
        ["max_position_embeddings"] = MaxPositions,
        ["rms_norm_eps"] = 1e-5,
        ["rope_theta"] = 10000.0,
        ["rope_scaling"] = null,
        ["attention_bias"] = false,
        ["mlp_bias"] = false,
        ["tie_word_embeddings"] = true,
        ["bos_token_id"] = PocketVocabulary.Bos,
        ["eos_token_id"] = PocketVocabulary.Eos,
        ["pad_token_id"] = PocketVocabulary.Pad,
        ["torch_dtype"] = "float32",
    }.ToJsonString(new JsonSerializerOptions { WriteIndented = true });

    /// <summary>The <c>generation_config.json</c>.</summary>
    public static string GenerationConfigJson() => new JsonObject
    {
        ["bos_token_id"] = PocketVocabulary.Bos, ["eos_token_id"] = PocketVocabulary.Eos, ["pad_token_id"] = PocketVocabulary.Pad,
    }.ToJsonString(new JsonSerializerOptions { WriteIndented = true });
}
