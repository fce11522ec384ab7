using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>What a decoder's parameters are called in a GGUF file, and how they lie there.</summary>
internal static class GgufNames
{
    /// <summary>Rotary correction factors of Llama 3, a tensor in GGUF and a formula elsewhere.</summary>
    public const string RotaryFactors = "rope_freqs.weight";

    /// <summary>The tensor that holds a parameter.</summary>
    public static string Of(string architecture, ParameterBinding binding)
    {
        string stem = binding.Role switch
        {
            ParameterRole.Embedding => "token_embd",
            ParameterRole.PositionEmbedding => "position_embd",
            ParameterRole.AttentionNorm => "attn_norm",
            ParameterRole.Query or ParameterRole.Key or ParameterRole.Value when architecture == "gpt2" => "attn_qkv",
            ParameterRole.Query => "attn_q",
            ParameterRole.Key => "attn_k",
            ParameterRole.Value => "attn_v",
            ParameterRole.QueryNorm => "attn_q_norm",
            ParameterRole.KeyNorm => "attn_k_norm",
            ParameterRole.AttentionOutput => "attn_output",
            ParameterRole.MlpNorm => "ffn_norm",
            ParameterRole.Gate => "ffn_gate",
            ParameterRole.Up => "ffn_up",
            ParameterRole.Down => "ffn_down",
            ParameterRole.FinalNorm => "output_norm",
            ParameterRole.Head => "output",
            _ => throw new UnsupportedException("GGUF", $"parameter {binding.Role}", "the parts of llama, mistral, qwen2, qwen3 and gpt2"),
        };
        return $"{(binding.Layer < 0 ? "" : $"blk.{binding.Layer}.")}{stem}.{(binding.IsBias ? "bias" : "weight")}";
    }

    /// <summary>Heads whose rows lie in interleaved rotary order: q and k of architecture <c>llama</c>; 0 for everything else.</summary>
    public static int InterleavedHeads(string architecture, DecoderConfig config, ParameterBinding binding) => architecture != "llama" ? 0 : binding.Role switch
    {
        ParameterRole.Query => config.QueryHeads,
        ParameterRole.Key => config.KeyHeads,
        _ => 0,
    };
}
