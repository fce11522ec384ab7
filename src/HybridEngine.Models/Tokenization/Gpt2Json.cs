using System.Text.Json;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Writes the byte-level BPE of a GGUF file as a tokenizer.json.</summary>
internal static class Gpt2Json
{
    private const string Cl100k = @"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}DIGITS| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
    private static readonly string Qwen2 = Contractions + Cl100k.Replace("DIGITS", "", StringComparison.Ordinal);
    private static readonly string Llama3 = Contractions + Cl100k.Replace("DIGITS", "{1,3}", StringComparison.Ordinal);
    private static readonly string[] DeepSeek3 =
    [
        @"\p{N}{1,3}",
        "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
        @"[!""#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ];

    public static Tokenizer Build(GgufFields fields, string[] texts, HashSet<int> special, List<int> userDefined)
    {
        string[] merges = fields.Texts("tokenizer.ggml.merges") ?? throw fields.Missing("tokenizer.ggml.merges", "the merges of byte-level BPE");
        Recipe recipe = RecipeOf(fields);
        int? bos = fields.TokenId("tokenizer.ggml.bos_token_id", texts.Length), eos = fields.TokenId("tokenizer.ggml.eos_token_id", texts.Length);
        bool addBos = fields.Flag("tokenizer.ggml.add_bos_token") ?? recipe.AddBos, addEos = fields.Flag("tokenizer.ggml.add_eos_token") ?? false;

        using var writer = new TokenizerJsonWriter();
        Utf8JsonWriter json = writer.Json;
        writer.WriteAddedTokens(texts, special.Select(id => (id, true)).Concat(userDefined.Select(id => (id, false))).OrderBy(token => token.Item1));
        if (recipe.Compose) writer.WriteSteps("normalizer", "normalizers", [new { type = "NFC" }]);
        writer.WriteSteps("pre_tokenizer", "pretokenizers",
        [
            .. recipe.Patterns.Select(pattern => new { type = "Split", pattern = new { Regex = pattern }, behavior = "Isolated", invert = false }),
            new { type = "ByteLevel", add_prefix_space = fields.Flag("tokenizer.ggml.add_space_prefix") ?? false, trim_offsets = true, use_regex = false },
        ]);
        writer.WriteTemplate(texts, addBos ? bos : null, addEos ? eos : null);
        json.WritePropertyName("decoder");
        JsonSerializer.Serialize(json, new { type = "ByteLevel", add_prefix_space = true, trim_offsets = true, use_regex = true });

        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        json.WriteBoolean("ignore_merges", recipe.WholeWords);
        writer.WriteVocabulary(texts);
        json.WritePropertyName("merges");
        JsonSerializer.Serialize(json, merges);
        json.WriteEndObject();

        int? unknown = fields.TokenId("tokenizer.ggml.unknown_token_id", texts.Length), padding = fields.TokenId("tokenizer.ggml.padding_token_id", texts.Length);
        return Tokenizer.FromJson(writer.Finish(), fields.File,
            GgufTokenizer.Settings(texts, bos, eos, unknown, padding, GgufTokenizer.EndTokens(fields, texts), fields.Text("tokenizer.chat_template")));
    }

    /// <summary>What <c>tokenizer.ggml.pre</c> stands for; the names are llama.cpp's.</summary>
    private static Recipe RecipeOf(GgufFields fields) => fields.Text("tokenizer.ggml.pre") switch
    {
        // Files without the key are older than it; llama.cpp reads them so and warns.
        null or "default" => new Recipe([@"[\p{P}\$\+<=>\^~\|]+", PatternMatcher.Gpt2, @"\p{N}+", "[0-9][0-9][0-9]"]),
        "gpt-2" or "phi-2" or "mpt" or "olmo" or "jina-es" or "jina-de" or "jina-v2-es" or "jina-v2-de" or "roberta-bpe" => new Recipe([PatternMatcher.Gpt2]),
        "smollm" or "starcoder" or "refact" or "command-r" or "codeshell" or "exaone" or "minerva-7b" => new Recipe([@"\p{N}", PatternMatcher.Gpt2]),
        "falcon" => new Recipe([@"[\p{P}\$\+<=>\^~\|`]+", PatternMatcher.Gpt2, "[0-9][0-9][0-9]"]),
        "llama3" or "llama-v3" or "llama-bpe" or "falcon3" or "falcon-h1" or "pixtral" => new Recipe([Llama3]) { AddBos = true, WholeWords = true },
        "dbrx" or "smaug-bpe" => new Recipe([Llama3]),
        "qwen2" or "deepseek-r1-qwen" or "stablelm2" or "hunyuan" => new Recipe([Qwen2]) { Compose = true },
        "deepseek-v3" => new Recipe(DeepSeek3),
        var other => throw new UnsupportedException(fields.File, $"tokenizer.ggml.pre '{other}'", "default, gpt-2, smollm, starcoder, falcon, llama-bpe, qwen2, deepseek-v3 and their kin"),
    };

    private sealed record Recipe(string[] Patterns)
    {
        public bool AddBos { get; init; }

        /// <summary>Whether a piece that is a token is that token, whatever the merges say.</summary>
        public bool WholeWords { get; init; }

        /// <summary>Whether text is brought to NFC first.</summary>
        public bool Compose { get; init; }
    }
}
