using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Builds a tokenizer from the <c>tokenizer.*</c> metadata of a GGUF file.</summary>
/// <remarks>Source of the keys and of what they mean where they are absent: the GGUF specification and llama.cpp's llama-vocab.</remarks>
internal static class GgufTokenizer
{
    // Values of tokenizer.ggml.token_type.
    private const int Unknown = 2, Control = 3, UserDefined = 4;

    public static Tokenizer Read(GgufFields fields)
    {
        string model = fields.Text("tokenizer.ggml.model") ?? throw fields.Missing("tokenizer.ggml.model", "the kind of tokenizer");
        string[] texts = fields.Texts("tokenizer.ggml.tokens") ?? throw fields.Missing("tokenizer.ggml.tokens", "the vocabulary");
        if (texts.Length == 0) throw fields.Wrong("tokenizer.ggml.tokens", "an empty vocabulary", "at least one token");
        int[] types = fields.Integers("tokenizer.ggml.token_type", texts.Length) ?? [];
        var special = Enumerable.Range(0, types.Length).Where(id => types[id] is Control or Unknown && texts[id].Length > 0).ToHashSet();
        var userDefined = Enumerable.Range(0, types.Length).Where(id => types[id] == UserDefined && texts[id].Length > 0).ToList();
        return model switch
        {
            "llama" => ReadSentencePiece(fields, texts, special, userDefined),
            "gpt2" => Gpt2Json.Build(fields, texts, special, userDefined),
            "t5" => UnigramJson.Build(fields, texts, special, userDefined),
            "bert" => WordPieceJson.Build(fields, texts, special, userDefined),
            _ => throw new UnsupportedException(fields.File, $"tokenizer.ggml.model '{model}'", "llama, gpt2, t5, bert"),
        };
    }

    /// <summary>The tokenizer.json that the file holds as a whole.</summary>
    public static Tokenizer ReadWhole(GgufFields fields, string json)
    {
        byte[] utf8 = System.Text.Encoding.UTF8.GetBytes(json);
        string where = $"{fields.File}, {GgufVocabulary.WholeJson}";
        // A file that other programs feed with ids has no list of tokens beside it.
        string[]? texts = fields.Texts("tokenizer.ggml.tokens");
        Tokenizer? plain = texts is null ? Tokenizer.FromJson(utf8, where, TokenizerSettings.Empty) : null;
        int count = texts?.Length ?? plain!.VocabularySize;
        string? Name(string key) => fields.TokenId($"tokenizer.ggml.{key}_token_id", count) is { } id ? texts?[id] ?? plain?.IdToToken(id) : null;
        Dictionary<string, string> names = new(StringComparer.Ordinal);
        foreach ((string name, string key) in new[] { ("bos_token", "bos"), ("eos_token", "eos"), ("unk_token", "unknown"), ("pad_token", "padding"), ("eot_token", "eot") })
        {
            if (Name(key) is { } text) { names[name] = text; }
        }

        return Tokenizer.FromJson(utf8, where, new TokenizerSettings
        {
            SpecialTokens = names,
            EndTokens = [.. new[] { Name("eos"), Name("eot"), Name("eom") }.OfType<string>()],
            ChatTemplate = fields.Text("tokenizer.chat_template"),
        });
    }

    private static Tokenizer ReadSentencePiece(GgufFields fields, string[] texts, HashSet<int> special, List<int> userDefined)
    {
        float[] scores = fields.Floats("tokenizer.ggml.scores", texts.Length) ?? throw fields.Missing("tokenizer.ggml.scores", "a score a token");
        int? unknown = fields.TokenId("tokenizer.ggml.unknown_token_id", texts.Length) ?? 0;
        if (unknown is { } id) special.Add(id);
        return SentencePieceJson.Build(fields.File, texts, scores, special, new SentencePieceOptions(
            fields.TokenId("tokenizer.ggml.bos_token_id", texts.Length) ?? Within(1, texts),
            fields.TokenId("tokenizer.ggml.eos_token_id", texts.Length) ?? Within(2, texts),
            unknown)
        {
            AddBos = fields.Flag("tokenizer.ggml.add_bos_token") ?? true,
            AddEos = fields.Flag("tokenizer.ggml.add_eos_token") ?? false,
            AddSpacePrefix = fields.Flag("tokenizer.ggml.add_space_prefix") ?? true,
            ChatTemplate = fields.Text("tokenizer.chat_template"),
            EndTokens = EndTokens(fields, texts),
        }, userDefined);
    }

    /// <summary>Tokens that end a turn beside the end of text.</summary>
    public static List<int> EndTokens(GgufFields fields, string[] texts) =>
        [.. new[] { fields.TokenId("tokenizer.ggml.eot_token_id", texts.Length), fields.TokenId("tokenizer.ggml.eom_token_id", texts.Length) }.OfType<int>()];

    /// <summary>Names special tokens as tokenizer_config.json would.</summary>
    public static TokenizerSettings Settings(IReadOnlyList<string> texts, int? bos, int? eos, int? unknown, int? padding, IEnumerable<int> ends, string? template)
    {
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach ((string name, int? id) in new[] { ("bos_token", bos), ("eos_token", eos), ("unk_token", unknown), ("pad_token", padding) })
        {
            if (id is { } known) names[name] = texts[known];
        }
        List<int> turns = [.. ends];
        if (turns.Count > 0) names["eot_token"] = texts[turns[0]];
        return new TokenizerSettings { SpecialTokens = names, EndTokens = [.. new[] { eos }.OfType<int>().Concat(turns).Select(id => texts[id])], ChatTemplate = template };
    }

    private static int? Within(int id, string[] texts) => id < texts.Length ? id : null;
}
