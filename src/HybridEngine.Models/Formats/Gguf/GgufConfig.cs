using System.Text.Json.Nodes;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>GGUF metadata as the <c>config.json</c> that says the same, so that one path (the family's) leads to a <see cref="DecoderConfig"/> and a loaded GGUF can be saved in Hugging Face layout.</summary>
internal static class GgufConfig
{
    /// <summary>A key of ours: which layers have rotary positions, where llama.cpp knows only one pattern.</summary>
    public const string RotaryLayers = "hybridengine.rotary_layers";

    // Keys of the architecture's prefix that change the result and are read for some architectures or none; harmless values are skipped.
    private static readonly (string Key, string[] ReadFor)[] _special =
    [
        ("attention.clamp_kqv", []), ("attention.max_alibi_bias", []), ("logit_scale", []), ("embedding_scale", []), ("residual_scale", []), ("rope.scaling.yarn_log_multiplier", []), ("expert_shared_count", []),
        ("expert_weights_scale", []), ("expert_count", ["llama", "qwen3moe"]), ("attention.scale", ["gemma2", "gemma3"]), ("attn_logit_softcapping", ["gemma2", "gemma3"]), ("final_logit_softcapping", ["gemma2", "gemma3"]),
        ("rope.freq_base_swa", ["gemma3"]), ("attention.sliding_window", ["llama", "qwen2", "qwen3", "qwen3moe", "gemma2", "gemma3", "phi3", "smollm3"]), ("use_parallel_residual", ["gptneox"]),
    ];

    /// <summary>The architecture that the file names.</summary>
    public static GgufArchitecture Architecture(IGgufContents file)
        => GgufArchitecture.Get(file.Path, file.Metadata.Text("general.architecture") ?? throw new InvalidInputException(file.Path, "no general.architecture", $"one of {GgufArchitecture.All}"));

    /// <summary>Whether query, key and value share a tensor; files of one architecture have it both ways.</summary>
    public static bool HasFusedProjections(IGgufContents file) => file.ShapeOf($"blk.0.{GgufArchitecture.FusedQueryKeyValue}.weight") is not null;

    /// <summary>The configuration in transformers' keys.</summary>
    public static JsonObject ToJson(IGgufContents file)
    {
        GgufMetadata m = file.Metadata;
        GgufArchitecture a = Architecture(file);
        string prefix = a.Name + ".";
        foreach ((string key, string[] readFor) in _special)
        {
            if (!readFor.Contains(a.Name) && m.ContainsKey(prefix + key) && !(m[prefix + key] is bool flag ? !flag : m.Number(prefix + key) is 0 or 1)) { throw new UnsupportedException(file.Path, $"{prefix}{key} = {m[prefix + key]}", $"{a.Name} without it"); }
        }

        if (m.Integer("split.count") is > 1 and int parts) { throw new UnsupportedException(file.Path, $"one of {parts} parts of a model", "one file (llama-gguf-split --merge joins them)"); }
        if (file.ShapeOf("token_embd.weight") is not { Count: 2 } embedding) { throw new InvalidInputException(file.Path, "no matrix token_embd.weight", "a model (a file with only a vocabulary has none)"); }
        int experts = m.Integer(prefix + "expert_count") ?? 0, window = GgufWindows.Size(m, a);
        // Mistral and Mixtral go by the name of llama in GGUF; what sets them apart is the window and the experts.
        string family = a.Name != "llama" ? a.Families[0] : experts > 0 ? "mixtral" : window > 0 ? "mistral" : "llama";
        JsonObject json = new()
        {
            ["model_type"] = family,
            ["architectures"] = new JsonArray(ModelFamilies.Get(file.Path, family).TransformersClass),
            ["vocab_size"] = embedding[0],
            ["tie_word_embeddings"] = file.ShapeOf("output.weight") is null,
            ["torch_dtype"] = "float32",
            [a.Activation.Key] = a.Activation.Value,
        };
        int headSize = AddSizes(file, a, prefix, json);
        json[a.EpsilonKey] = Epsilon(file, prefix + a.MetadataEpsilon);
        AddBiases(file, a, json);
        GgufWindows.AddTo(json, m, a, window);
        GgufRotary.AddTo(json, file, a, headSize);
        if (experts > 0) { AddExperts(file, a, prefix, json, experts); }
        AddGemma(m, a, prefix, json, headSize);
        if (m.Flag(prefix + "use_parallel_residual") is { } parallel) { json["use_parallel_residual"] = parallel; }
        AddTokens(m, json);
        return json;
    }

    private static int AddSizes(IGgufContents file, GgufArchitecture a, string prefix, JsonObject json)
    {
        GgufMetadata m = file.Metadata;
        int hidden = Required(file, prefix + "embedding_length"), heads = Required(file, prefix + "attention.head_count");
        if (heads < 1) { throw new InvalidInputException($"{file.Path}: metadata {prefix}attention.head_count", $"{heads}", "at least 1"); }
        int headSize = m.Integer(prefix + "attention.key_length") ?? hidden / heads, keyHeads = m.Integer(prefix + "attention.head_count_kv") ?? heads;
        if ((m.Integer(prefix + "attention.value_length") ?? headSize) != headSize) { throw new UnsupportedException(file.Path, $"{prefix}attention.value_length = {m.Integer(prefix + "attention.value_length")}", "key_length"); }
        json[a.Keys.Hidden] = hidden;
        json[a.Keys.Layers] = Required(file, prefix + "block_count");
        json[a.Keys.Heads] = heads;
        json[a.Keys.Positions] = Required(file, prefix + "context_length");
        if (a.Keys.Intermediate is { } inner) { json[inner] = Required(file, prefix + "feed_forward_length"); }
        if (a.Keys.KeyHeads is { } grouped) { json[grouped] = keyHeads; }
        else if (keyHeads != heads) { throw new UnsupportedException(file.Path, $"{prefix}attention.head_count_kv = {keyHeads}", $"head_count, {heads}"); }
        if (a.Keys.HeadSize is { } size) { json[size] = headSize; }
        else if (headSize * heads != hidden) { throw new UnsupportedException(file.Path, $"{prefix}attention.key_length = {headSize}", $"embedding_length by head_count in {a.Name}"); }
        return headSize;
    }

    private static void AddBiases(IGgufContents file, GgufArchitecture a, JsonObject json)
    {
        // The other architectures have biases everywhere or nowhere: a tensor too many or too few is an error of its own.
        if (a.Name == "gptneox") { json["attention_bias"] = file.ShapeOf("blk.0.attn_qkv.bias") is not null; }
        if (a.Keys.HeadSize is null || a.Name == "qwen2") { return; }
        bool qkv = file.ShapeOf("blk.0.attn_q.bias") is not null, output = file.ShapeOf("blk.0.attn_output.bias") is not null;
        if (qkv != output) { throw new UnsupportedException(file.Path, $"biases on {(qkv ? "q but not on the attention output" : "the attention output but not on q")}", $"both or neither in {a.Name}"); }
        if (qkv) { json["attention_bias"] = true; }
        if (file.ShapeOf("blk.0.ffn_up.bias") is not null) { json["mlp_bias"] = true; }
    }

    private static void AddExperts(IGgufContents file, GgufArchitecture a, string prefix, JsonObject json, int experts)
    {
        int layers = Required(file, prefix + "block_count"), used = Required(file, prefix + "expert_used_count");
        json["num_experts_per_tok"] = used;
        if (a.Name == "llama")
        {
            json["num_local_experts"] = experts;
            return;
        }

        json["num_experts"] = experts;
        json["moe_intermediate_size"] = file.Metadata.Integer(prefix + "expert_feed_forward_length") ?? Required(file, prefix + "feed_forward_length") / Math.Max(1, used);
        json["norm_topk_prob"] = file.Metadata.Flag(prefix + "expert_weights_norm") ?? true;
        json["decoder_sparse_step"] = 1;
        // Bounded by the layers that the tensors can be of; more are refused with the sizes.
        json["mlp_only_layers"] = new JsonArray([.. Enumerable.Range(0, Math.Clamp(layers, 0, 4096)).Where(i => file.ShapeOf($"blk.{i}.ffn_gate_inp.weight") is null).Select(i => JsonValue.Create(i))]);
    }

    private static void AddGemma(GgufMetadata m, GgufArchitecture a, string prefix, JsonObject json, int headSize)
    {
        if (a.Name is not ("gemma2" or "gemma3")) { return; }
        double scale = m.Number(prefix + "attention.scale") ?? GemmaScale(a, json["num_hidden_layers"]!.GetValue<int>(), json["hidden_size"]!.GetValue<int>(), json["num_attention_heads"]!.GetValue<int>(), headSize);
        // The scale is one by the root of this number, a whole one in every model; a float32 comes back with some dirt.
        json["query_pre_attn_scalar"] = Math.Round(1 / (scale * scale), 3);
        foreach (string cap in new[] { "attn_logit_softcapping", "final_logit_softcapping" })
        {
            if (m.Number(prefix + cap) is { } value) { json[cap] = value > 0 ? JsonValue.Create((float)value) : null; }
        }
    }

    /// <summary>The attention scale that llama.cpp takes for Gemma 2 and 3, which have no key for it: of the largest models the hidden width by the heads, else the head's.</summary>
    public static double GemmaScale(GgufArchitecture a, int layers, int hidden, int heads, int headSize) => 1 / Math.Sqrt(layers == (a.Name == "gemma2" ? 46 : 62) ? hidden / Math.Max(1, heads) : headSize);

    private static void AddTokens(GgufMetadata m, JsonObject json)
    {
        if (m.Integer("tokenizer.ggml.bos_token_id") is { } bos) { json["bos_token_id"] = bos; }
        if (m.Integer("tokenizer.ggml.padding_token_id") is { } pad) { json["pad_token_id"] = pad; }
        int[] ends = [.. new[] { m.Integer("tokenizer.ggml.eos_token_id"), m.Integer("tokenizer.ggml.eot_token_id") }.OfType<int>().Distinct()];
        if (ends.Length > 0) { json["eos_token_id"] = ends.Length == 1 ? ends[0] : new JsonArray([.. ends.Select(id => JsonValue.Create(id))]); }
    }

    private static int Required(IGgufContents file, string key) => file.Metadata.Integer(key) ?? throw new InvalidInputException(file.Path, $"no metadata {key}", "one");

    // GGUF stores float32: its shortest decimal form (1e-05) is what the original configuration said, its exact value is not.
    private static JsonValue Epsilon(IGgufContents file, string key) => JsonValue.Create((float)(file.Metadata.Number(key) ?? throw new InvalidInputException(file.Path, $"no metadata {key}", "one")));
}
