using System.Text.Json;

namespace HybridEngine.Models;

/// <summary>Writes the WordPiece vocabulary of a GGUF file (<c>bert</c>) as a tokenizer.json.</summary>
/// <remarks>GGUF marks the tokens that begin a word (U+2581), BERT those that do not (<c>##</c>). llama.cpp writes all text in small letters without accents, as uncased models want it.</remarks>
internal static class WordPieceJson
{
    private const char WordMark = '\u2581';
    private const string Inside = "##";

    // llama.cpp takes words of any length.
    private const int LongestWord = 1 << 30;

    public static Tokenizer Build(GgufFields fields, string[] texts, HashSet<int> special, List<int> userDefined)
    {
        int unknown = Id("unknown") ?? Find("[UNK]") ?? throw fields.Missing("tokenizer.ggml.unknown_token_id", "the unknown token");
        int? cls = Id("cls") ?? Id("bos") ?? Find("[CLS]");
        // The key is spelled so in the files.
        int? sep = Id("seperator") ?? Id("eos") ?? Find("[SEP]");
        special.UnionWith(new[] { unknown, cls, sep }.OfType<int>());
        string[] names = [.. texts.Select((text, id) => Name(text, special.Contains(id)))];

        using var writer = new TokenizerJsonWriter();
        Utf8JsonWriter json = writer.Json;
        writer.WriteAddedTokens(names, special.Select(id => (id, true)).Concat(userDefined.Where(id => !special.Contains(id)).Select(id => (id, false))).OrderBy(token => token.Item1));
        json.WritePropertyName("normalizer");
        JsonSerializer.Serialize(json, new { type = "BertNormalizer", clean_text = true, handle_chinese_chars = true, strip_accents = true, lowercase = true });
        json.WritePropertyName("pre_tokenizer");
        JsonSerializer.Serialize(json, new { type = "BertPreTokenizer" });
        if (cls is { } first && sep is { } last)
        {
            json.WritePropertyName("post_processor");
            JsonSerializer.Serialize(json, new { type = "BertProcessing", sep = new object[] { names[last], last }, cls = new object[] { names[first], first } });
        }
        else writer.WriteTemplate(names, cls, sep);
        json.WritePropertyName("decoder");
        JsonSerializer.Serialize(json, new { type = "WordPiece", prefix = Inside, cleanup = true });

        json.WriteStartObject("model");
        json.WriteString("type", "WordPiece");
        json.WriteString("unk_token", names[unknown]);
        json.WriteString("continuing_subword_prefix", Inside);
        json.WriteNumber("max_input_chars_per_word", LongestWord);
        writer.WriteVocabulary(names);
        json.WriteEndObject();
        return Tokenizer.FromJson(writer.Finish(), fields.File, GgufTokenizer.Settings(names, cls, sep, unknown, Id("padding"), [], fields.Text("tokenizer.chat_template")));

        int? Id(string key) => fields.TokenId($"tokenizer.ggml.{key}_token_id", texts.Length);

        int? Find(string text) => Array.IndexOf(texts, text) is >= 0 and int id ? id : null;
    }

    private static string Name(string text, bool special) => special || (text.StartsWith('[') && text.EndsWith(']')) ? text : text.StartsWith(WordMark) ? text[1..] : Inside + text;
}
