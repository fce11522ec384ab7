using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>One architecture of GGUF: which families are stored as it, how its keys and tensors are called, and how they differ from the families' own. The whole mapping is this table.</summary>
/// <param name="Name"><c>general.architecture</c>, the prefix of its keys.</param>
/// <param name="Families">Values of <c>model_type</c>; the first is what a file is read as where nothing says otherwise.</param>
/// <param name="Keys">What the family's configuration calls the sizes.</param>
/// <param name="EpsilonKey">What it calls the norms' epsilon; <c>rms_norm_eps</c> makes it the RMS norm's in GGUF too.</param>
/// <param name="Activation">The MLP's non-linearity, which GGUF leaves to the architecture: key and value of the configuration.</param>
/// <param name="Names">Names of the tensors.</param>
internal sealed record GgufArchitecture(string Name, IReadOnlyList<string> Families, SizeKeys Keys, string EpsilonKey, (string Key, string Value) Activation, TensorNames Names)
{
    private static readonly TensorNames _plain = new()
    {
        Embedding = "token_embd",
        PositionEmbedding = "position_embd",
        EmbeddingNorm = "token_embd_norm",
        Block = "blk.",
        AttentionNorm = "attn_norm",
        Query = "attn_q",
        Key = "attn_k",
        Value = "attn_v",
        QueryNorm = "attn_q_norm",
        KeyNorm = "attn_k_norm",
        AttentionOutput = "attn_output",
        AttentionOutputNorm = "post_attention_norm",
        MlpNorm = "ffn_norm",
        Gate = "ffn_gate",
        Up = "ffn_up",
        Down = "ffn_down",
        MlpOutputNorm = "post_ffw_norm",
        Router = "ffn_gate_inp",
        ExpertGate = "ffn_gate_exps",
        ExpertUp = "ffn_up_exps",
        ExpertDown = "ffn_down_exps",
        FinalNorm = "output_norm",
        Head = "output",
    };

    // Query, key and value in one tensor, part by part.
    private static readonly TensorNames _fused = _plain with { QueryKeyValue = FusedQueryKeyValue };

    private static readonly SizeKeys _llama = new(KeyHeads: "num_key_value_heads", HeadSize: "head_dim");
    private static readonly (string, string) _silu = ("hidden_act", "silu"), _geluOfGemma = ("hidden_activation", "gelu_pytorch_tanh");

    private static readonly GgufArchitecture[] _all =
    [
        new("llama", ["llama", "mistral", "mixtral"], _llama, Rms, _silu, _plain) { InterleavedRotary = true },
        new("qwen2", ["qwen2"], _llama, Rms, _silu, _plain),
        new("qwen3", ["qwen3"], _llama, Rms, _silu, _plain),
        new("qwen3moe", ["qwen3_moe"], _llama, Rms, _silu, _plain),
        new("gemma", ["gemma"], _llama, Rms, _geluOfGemma, _plain) { NormOffset = 1 },
        new("gemma2", ["gemma2"], _llama, Rms, _geluOfGemma, _plain) { NormOffset = 1, UsesWindows = true },
        new("gemma3", ["gemma3_text"], _llama, Rms, _geluOfGemma, _plain) { NormOffset = 1, UsesWindows = true },
        new("olmo2", ["olmo2"], _llama, Rms, _silu, _plain),
        new("smollm3", ["smollm3"], _llama, Rms, _silu, _plain) { InterleavedRotary = true },
        new("phi3", ["phi3"], _llama, Rms, _silu, _fused with { GateUp = "ffn_up" }),
        new("phi2", ["phi"], new(KeyHeads: "num_key_value_heads"), "layer_norm_eps", ("hidden_act", "gelu_new"), _plain),
        new("gpt2", ["gpt2"], new("n_embd", "n_layer", "n_head", Intermediate: "n_inner", Positions: "n_positions"), "layer_norm_epsilon", ("activation_function", "gelu_new"), _fused),
        new("gptj", ["gptj"], new("n_embd", "n_layer", "n_head", Intermediate: "n_inner", Positions: "n_positions"), "layer_norm_epsilon", ("activation_function", "gelu_new"), _plain) { LlamaCppLoads = false },
        new("gptneox", ["gpt_neox"], new(), "layer_norm_eps", ("hidden_act", "gelu"), _fused),
        new("bloom", ["bloom"], new("hidden_size", "n_layer", "n_head", Intermediate: null, Positions: "seq_length"), "layer_norm_epsilon", ("hidden_act", "gelu"), _fused),
    ];

    /// <summary>Name of the tensor that holds query, key and value.</summary>
    public const string FusedQueryKeyValue = "attn_qkv";

    private const string Rms = "rms_norm_eps";

    /// <summary>Names of all architectures, for messages.</summary>
    public static string All => string.Join(", ", _all.Select(a => a.Name));

    /// <summary>Families that have an architecture, for messages.</summary>
    public static string AllFamilies => string.Join(", ", _all.SelectMany(a => a.Families));

    /// <summary>Rows of queries and keys lie in interleaved rotary order.</summary>
    public bool InterleavedRotary { get; init; }

    /// <summary>What a norm's weight in the file is more than the checkpoint's: llama.cpp multiplies by it as it is where Gemma adds 1.</summary>
    public float NormOffset { get; init; }

    /// <summary>llama.cpp applies sliding windows in this architecture.</summary>
    public bool UsesWindows { get; init; }

    /// <summary>llama.cpp runs this architecture; GPT-J's has only a name and keys in the format's specification.</summary>
    public bool LlamaCppLoads { get; init; } = true;

    /// <summary>Key of the norms' epsilon, without the prefix.</summary>
    public string MetadataEpsilon => EpsilonKey == Rms ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon";

    /// <summary>The architecture of this name.</summary>
    /// <exception cref="UnsupportedException">None is called so.</exception>
    public static GgufArchitecture Get(string source, string name)
        => Array.Find(_all, a => a.Name == name) ?? throw new UnsupportedException(source, $"GGUF architecture {name}", All);

    /// <summary>The architecture that a family is stored as.</summary>
    /// <exception cref="UnsupportedException">GGUF has none for it.</exception>
    public static GgufArchitecture OfFamily(string source, string family)
        => Array.Find(_all, a => a.Families.Contains(family)) ?? throw new UnsupportedException(source, $"model_type {family} in GGUF", AllFamilies);
}
