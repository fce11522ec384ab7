using System.Text.Json;
using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Cli.Benchmarks;

/// <summary>Published shapes for random-weight benchmarks, written as their <c>config.json</c> without end tokens, so that every answer has its full length.</summary>
internal static class ModelShapes
{
    private static readonly Dictionary<string, string> Configurations = new()
    {
        ["pocket"] = Llama(128, 2, 4, 4, 32, 344, 128, tied: true),
        ["smollm2-135m"] = Llama(576, 30, 9, 3, 64, 1536, 49152, tied: true),
        ["qwen3-0.6b"] = Llama(1024, 28, 16, 8, 128, 3072, 151936, tied: true, family: "qwen3"),
        ["tinyllama-1.1b"] = Llama(2048, 22, 32, 4, 64, 5632, 32000, tied: false),
        ["opt-125m"] = Opt(768, 12, 12, 3072, 768, before: true),
        ["opt-350m"] = Opt(1024, 24, 16, 4096, 512, before: false),
        ["opt-1.3b"] = Opt(2048, 24, 32, 8192, 2048, before: true),
        ["llama-8b"] = Llama(4096, 32, 32, 8, 128, 14336, 128256, tied: false),
    };

    /// <summary>All names.</summary>
    public static IEnumerable<string> Names => Configurations.Keys;

    /// <summary>The configuration of a shape.</summary>
    /// <exception cref="InvalidInputException">There is none of that name.</exception>
    public static DecoderConfig Get(string name)
    {
        if (!Configurations.TryGetValue(name, out string? json)) { throw new InvalidInputException("--shape", $"'{name}'", $"one of {string.Join(", ", Names)}"); }
        using JsonDocument document = JsonDocument.Parse(json);
        return ModelFamilies.ReadConfig(new ConfigReader(name, document.RootElement));
    }

    private static string Llama(int hidden, int layers, int heads, int keyHeads, int headSize, int inner, int vocabulary, bool tied, string family = "llama") => $$"""
        {"model_type": "{{family}}", "hidden_size": {{hidden}}, "num_hidden_layers": {{layers}}, "num_attention_heads": {{heads}}, "num_key_value_heads": {{keyHeads}},
         "head_dim": {{headSize}}, "intermediate_size": {{inner}}, "vocab_size": {{vocabulary}}, "max_position_embeddings": 8192, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
         "hidden_act": "silu", "tie_word_embeddings": {{(tied ? "true" : "false")}}}
        """;

    private static string Opt(int hidden, int layers, int heads, int inner, int embedding, bool before) => $$"""
        {"model_type": "opt", "hidden_size": {{hidden}}, "num_hidden_layers": {{layers}}, "num_attention_heads": {{heads}}, "ffn_dim": {{inner}}, "vocab_size": 50272,
         "max_position_embeddings": 2048, "word_embed_proj_dim": {{embedding}}, "do_layer_norm_before": {{(before ? "true" : "false")}}, "activation_function": "relu", "enable_bias": true,
         "layer_norm_elementwise_affine": true, "tie_word_embeddings": true}
        """;
}
