using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using HybridEngine.Inference;
using HybridEngine.Models;
using Microsoft.Extensions.AI;

namespace HybridEngine.Tests;

/// <summary>A folder with a small random Llama whose tokens are bytes, with a chat template of the caller's choice. It says what a <see cref="Script"/> makes it say.</summary>
public sealed class TalkingModel : IDisposable
{
    public const string ChatMl =
        "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

    public const int End = 257, Vocabulary = 264;
    private static readonly string[] _special = ["<|im_start|>", "<|im_end|>", "[TOOL_CALLS]", "<|python_tag|>"];

    public TalkingModel(string template, int positions = 512)
    {
        Directory.CreateDirectory(Folder);
        string config = ConfigJson(positions), path = Path.Combine(Folder, "config.json");
        using JsonDocument document = JsonDocument.Parse(config);
        DecoderConfig shape = ModelFamilies.ReadConfig(new ConfigReader(path, document.RootElement));
        ModelSaveOptions save = new() { ConfigJson = config, GenerationConfigJson = """{"eos_token_id": 257}""", WriteTokenizer = folder => WriteTokenizer(folder, template) };
        using HybridModel model = HybridModel.Create(shape, Initialization.Small(shape), save, options: new HybridOptions { Backend = Backends.Reference });
        model.Save(Folder);
    }

    public string Folder { get; } = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());

    public static HybridOptions Options => new() { Backend = Backends.Reference };

    public AsyncEngine Open(AsyncEngineOptions? options = null) => AsyncEngine.Load(Folder, Options, options ?? new AsyncEngineOptions { ModelId = "talker" });

    public HybridChatClient Chat(ChatClientOptions? options = null) => new(Open(), options, ownsEngine: true);

    /// <summary>Options under which the answer is this text.</summary>
    public static ChatOptions Saying(string text) => new() { RawRepresentationFactory = _ => new SamplingOptions { Constraint = new Script(text), MaxTokens = 400 } };

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private static string ConfigJson(int positions) => new JsonObject
    {
        ["architectures"] = new JsonArray("LlamaForCausalLM"), ["model_type"] = "llama", ["vocab_size"] = Vocabulary, ["hidden_size"] = 16, ["intermediate_size"] = 24,
        ["num_hidden_layers"] = 1, ["num_attention_heads"] = 2, ["num_key_value_heads"] = 1, ["head_dim"] = 8, ["hidden_act"] = "silu", ["max_position_embeddings"] = positions,
        ["rms_norm_eps"] = 1e-5, ["rope_theta"] = 10000.0, ["tie_word_embeddings"] = true, ["bos_token_id"] = null, ["eos_token_id"] = End, ["torch_dtype"] = "float32",
    }.ToJsonString();

    private static void WriteTokenizer(string folder, string template)
    {
        JsonObject vocabulary = [];
        for (int b = 0; b < 256; b++) { vocabulary[ByteCharacter(b).ToString()] = b; }
        JsonArray added = [];
        for (int i = 0; i < _special.Length; i++)
        {
            added.Add(new JsonObject { ["id"] = 256 + i, ["content"] = _special[i], ["single_word"] = false, ["lstrip"] = false, ["rstrip"] = false, ["normalized"] = false, ["special"] = true });
        }

        JsonObject level() => new() { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = true, ["use_regex"] = true };
        JsonObject tokenizer = new()
        {
            ["version"] = "1.0", ["truncation"] = null, ["padding"] = null, ["added_tokens"] = added, ["normalizer"] = null, ["pre_tokenizer"] = level(), ["post_processor"] = level(), ["decoder"] = level(),
            ["model"] = new JsonObject { ["type"] = "BPE", ["dropout"] = null, ["unk_token"] = null, ["continuing_subword_prefix"] = null, ["end_of_word_suffix"] = null, ["fuse_unk"] = false, ["byte_fallback"] = false, ["vocab"] = vocabulary, ["merges"] = new JsonArray() },
        };
        File.WriteAllText(Path.Combine(folder, "tokenizer.json"), tokenizer.ToJsonString());
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), new JsonObject { ["tokenizer_class"] = "PreTrainedTokenizerFast", ["eos_token"] = "<|im_end|>", ["bos_token"] = null, ["chat_template"] = template }.ToJsonString());
    }

    // GPT-2's printable stand-ins for bytes.
    private static char ByteCharacter(int b)
    {
        static bool plain(int c) => c is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
        if (plain(b)) { return (char)b; }
        int before = Enumerable.Range(0, b).Count(c => !plain(c));
        return (char)(256 + before);
    }

    /// <summary>Allows one text and then the end.</summary>
    public sealed class Script : TokenConstraint
    {
        private readonly int[] _ids;

        public Script(string text) : base(Vocabulary)
        {
            List<int> ids = [];
            for (int i = 0; i < text.Length;)
            {
                int special = Array.FindIndex(_special, s => text.AsSpan(i).StartsWith(s, StringComparison.Ordinal));
                if (special >= 0)
                {
                    ids.Add(256 + special);
                    i += _special[special].Length;
                    continue;
                }

                int count = char.IsHighSurrogate(text[i]) ? 2 : 1;
                ids.AddRange(Encoding.UTF8.GetBytes(text.Substring(i, count)).Select(b => (int)b));
                i += count;
            }

            _ids = [.. ids, End];
        }

        public override ConstraintState Start() => new At(_ids, 0);

        private sealed class At(int[] ids, int at) : ConstraintState
        {
            private readonly uint[] _mask = new uint[(Vocabulary + 31) / 32];
            private int _at = at;

            public override ReadOnlySpan<uint> AllowedTokens
            {
                get
                {
                    Array.Clear(_mask);
                    int id = ids[Math.Min(_at, ids.Length - 1)];
                    _mask[id / 32] = 1u << (id % 32);
                    return _mask;
                }
            }

            public override bool IsComplete => _at >= ids.Length - 1;

            public override bool MustEnd => IsComplete;

            public override void Accept(int token) => _at++;

            public override ConstraintState Clone() => new At(ids, _at);
        }
    }
}
