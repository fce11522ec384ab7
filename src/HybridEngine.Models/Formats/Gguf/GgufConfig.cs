using System.Text.Json.Nodes;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>GGUF metadata as the <c>config.json</c> that says the same, so that one path (the family's) leads to a <see cref="DecoderConfig"/> and a loaded GGUF can be saved in Hugging Face layout.</summary>
internal static class GgufConfig
{
    private const string Supported = "llama (mistral too), qwen2, qwen3, gpt2";

    // Keys of the architecture's prefix that change the result and have no counterpart in the decoder; harmless values are skipped.
    private static readonly string[] _unimplemented =
    [
        "expert_count", "attention.clamp_kqv", "attention.max_alibi_bias", "attention.scale", "attn_logit_softcapping", "final_logit_softcapping", "logit_scale", "embedding_scale",
        "residual_scale", "use_parallel_residual", "rope.scaling.yarn_log_multiplier",
    ];

    /// <summary>The architecture's name.</summary>
    public static string Architecture(GgufFile file) => file.Metadata.Text("general.architecture") ?? throw new InvalidInputException(file.Path, "no general.architecture", $"one of {Supported}");

    /// <summary>The configuration in transformers' keys.</summary>
    public static JsonObject ToJson(GgufFile file)
    {
        GgufMetadata m = file.Metadata;
        string architecture = Architecture(file), prefix = architecture + ".";
        if (architecture is not ("llama" or "qwen2" or "qwen3" or "gpt2")) { throw new UnsupportedException(file.Path, $"GGUF architecture {architecture}", Supported); }
        foreach (string key in _unimplemented)
        {
            if (m.ContainsKey(prefix + key) && !(m[prefix + key] is bool flag ? !flag : m.Number(prefix + key) is 0 or 1)) { throw new UnsupportedException(file.Path, $"{prefix}{key} = {m[prefix + key]}", $"{architecture} without it"); }
        }

        if (!file.Tensors.TryGetValue("token_embd.weight", out StoredTensor? embedding) || embedding.Shape.Count != 2) { throw new InvalidInputException(file.Path, "no matrix token_embd.weight", "a model (a file with only a vocabulary has none)"); }
        JsonObject json = architecture == "gpt2" ? Gpt2(file, prefix) : Rotary(file, architecture, prefix);
        json["vocab_size"] = embedding.Shape[0];
        json["tie_word_embeddings"] = !file.Tensors.ContainsKey("output.weight");
        json["torch_dtype"] = "float32";
        if (m.Integer("tokenizer.ggml.bos_token_id") is { } bos) { json["bos_token_id"] = bos; }
        if (m.Integer("tokenizer.ggml.padding_token_id") is { } pad) { json["pad_token_id"] = pad; }
        int[] ends = [.. new[] { m.Integer("tokenizer.ggml.eos_token_id"), m.Integer("tokenizer.ggml.eot_token_id") }.OfType<int>().Distinct()];
        if (ends.Length > 0) { json["eos_token_id"] = ends.Length == 1 ? ends[0] : new JsonArray([.. ends.Select(id => JsonValue.Create(id))]); }
        return json;
    }

    private static JsonObject Gpt2(GgufFile file, string prefix) => new()
    {
        ["model_type"] = "gpt2",
        ["architectures"] = new JsonArray("GPT2LMHeadModel"),
        ["n_embd"] = Required(file, prefix + "embedding_length"),
        ["n_layer"] = Required(file, prefix + "block_count"),
        ["n_head"] = Required(file, prefix + "attention.head_count"),
        ["n_positions"] = Required(file, prefix + "context_length"),
        ["n_inner"] = Required(file, prefix + "feed_forward_length"),
        ["layer_norm_epsilon"] = Single(file, prefix + "attention.layer_norm_epsilon", 1e-5f),
        ["activation_function"] = "gelu_new",
    };

    private static JsonObject Rotary(GgufFile file, string architecture, string prefix)
    {
        GgufMetadata m = file.Metadata;
        int hidden = Required(file, prefix + "embedding_length"), heads = Required(file, prefix + "attention.head_count"), layers = Required(file, prefix + "block_count");
        if (heads < 1) { throw new InvalidInputException($"{file.Path}: metadata {prefix}attention.head_count", $"{heads}", "at least 1"); }
        int headSize = m.Integer(prefix + "attention.key_length") ?? hidden / heads;
        if ((m.Integer(prefix + "attention.value_length") ?? headSize) != headSize) { throw new UnsupportedException(file.Path, $"{prefix}attention.value_length = {m.Integer(prefix + "attention.value_length")}", "key_length"); }
        if ((m.Integer(prefix + "rope.dimension_count") ?? headSize) != headSize) { throw new UnsupportedException(file.Path, $"{prefix}rope.dimension_count = {m.Integer(prefix + "rope.dimension_count")}", $"the head size, {headSize}"); }
        int window = m.Integer(prefix + "attention.sliding_window") ?? 0;
        if (window != 0 && architecture != "llama") { throw new UnsupportedException(file.Path, $"{prefix}attention.sliding_window = {window}", $"{architecture} without it"); }

        // Mistral goes by the name of llama in GGUF; what sets it apart is the window.
        string family = window != 0 ? "mistral" : architecture;
        JsonObject json = new()
        {
            ["model_type"] = family,
            ["architectures"] = new JsonArray(ModelFamilies.Get(file.Path, family).TransformersClass),
            ["hidden_size"] = hidden,
            ["intermediate_size"] = Required(file, prefix + "feed_forward_length"),
            ["num_hidden_layers"] = layers,
            ["num_attention_heads"] = heads,
            ["num_key_value_heads"] = m.Integer(prefix + "attention.head_count_kv") ?? heads,
            ["head_dim"] = headSize,
            ["max_position_embeddings"] = Required(file, prefix + "context_length"),
            ["rms_norm_eps"] = Single(file, prefix + "attention.layer_norm_rms_epsilon", null),
            ["rope_theta"] = Single(file, prefix + "rope.freq_base", 10000),
            ["hidden_act"] = "silu",
        };
        if (window != 0) { json["sliding_window"] = window; }
        bool qkvBias = file.Tensors.ContainsKey("blk.0.attn_q.bias"), outputBias = file.Tensors.ContainsKey("blk.0.attn_output.bias");
        if (architecture != "qwen2" && qkvBias != outputBias) { throw new UnsupportedException(file.Path, $"biases on {(qkvBias ? "q but not on the attention output" : "the attention output but not on q")}", $"both or neither in {architecture}"); }
        if (architecture is "llama" or "qwen3" && qkvBias) { json["attention_bias"] = true; }
        if (architecture == "llama" && file.Tensors.ContainsKey("blk.0.ffn_up.bias")) { json["mlp_bias"] = true; }
        if (GgufRotary.ReadScaling(file, prefix, headSize) is { } scaling) { json["rope_scaling"] = scaling; }
        return json;
    }

    private static int Required(GgufFile file, string key) => file.Metadata.Integer(key) ?? throw new InvalidInputException(file.Path, $"no metadata {key}", "one");

    // GGUF stores float32: its shortest decimal form (1e-05) is what the original configuration said, its exact value is not.
    private static JsonValue Single(GgufFile file, string key, float? absent)
        => JsonValue.Create((float)(file.Metadata.Number(key) ?? absent ?? throw new InvalidInputException(file.Path, $"no metadata {key}", "one")));
}
