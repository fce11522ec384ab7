using System.Text.Json;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Writes the Unigram vocabulary of a GGUF file (<c>t5</c>) as a tokenizer.json.</summary>
/// <remarks>Spaces are handled as llama.cpp does: merged where the file says so, one word mark before every word.</remarks>
internal static class UnigramJson
{
    /// <summary>What <c>model.score_type</c> says of scores that are written with the digits of 32 bits.</summary>
    public const string SinglePrecision = "float32";

    private const string WordMark = "\u2581";

    public static Tokenizer Build(GgufFields fields, string[] texts, HashSet<int> special, List<int> userDefined)
    {
        float[] scores = fields.Floats("tokenizer.ggml.scores", texts.Length) ?? throw fields.Missing("tokenizer.ggml.scores", "a score a token");
        if (fields.Flag("tokenizer.ggml.treat_whitespace_as_suffix") ?? false) throw new UnsupportedException(fields.File, "tokenizer.ggml.treat_whitespace_as_suffix", "word marks before words");
        int unknown = fields.TokenId("tokenizer.ggml.unknown_token_id", texts.Length) ?? (texts.Length > 2 ? 2 : 0);
        special.Add(unknown);
        int? bos = fields.TokenId("tokenizer.ggml.bos_token_id", texts.Length), eos = fields.TokenId("tokenizer.ggml.eos_token_id", texts.Length) ?? (texts.Length > 1 ? 1 : null);
        bool addBos = fields.Flag("tokenizer.ggml.add_bos_token") ?? false, addEos = fields.Flag("tokenizer.ggml.add_eos_token") ?? true;
        // Tokens of the user's are preferred to all others.
        foreach (int id in userDefined) scores[id] = 0;

        using var writer = new TokenizerJsonWriter();
        Utf8JsonWriter json = writer.Json;
        writer.WriteAddedTokens(texts, special.Select(id => (id, true)).Concat(userDefined.Where(id => !special.Contains(id)).Select(id => (id, false))).OrderBy(token => token.Item1));
        writer.WriteSteps("normalizer", "normalizers", Normalizers(fields));
        json.WriteNull("pre_tokenizer");
        writer.WriteTemplate(texts, addBos ? bos : null, addEos ? eos : null);
        json.WritePropertyName("decoder");
        JsonSerializer.Serialize(json, new { type = "Metaspace", replacement = WordMark, prepend_scheme = "always", split = true });

        json.WriteStartObject("model");
        json.WriteString("type", "Unigram");
        json.WriteNumber("unk_id", unknown);
        json.WriteString("score_type", SinglePrecision);
        json.WriteStartArray("vocab");
        for (int id = 0; id < texts.Length; id++)
        {
            json.WriteStartArray();
            json.WriteStringValue(texts[id]);
            json.WriteNumberValue(scores[id]);
            json.WriteEndArray();
        }
        json.WriteEndArray();
        json.WriteEndObject();

        int? padding = fields.TokenId("tokenizer.ggml.padding_token_id", texts.Length);
        return Tokenizer.FromJson(writer.Finish(), fields.File,
            GgufTokenizer.Settings(texts, bos, eos, unknown, padding, GgufTokenizer.EndTokens(fields, texts), fields.Text("tokenizer.chat_template")));
    }

    private static List<object> Normalizers(GgufFields fields)
    {
        bool merge = fields.Flag("tokenizer.ggml.remove_extra_whitespaces") ?? true, prefix = fields.Flag("tokenizer.ggml.add_space_prefix") ?? true;
        var steps = new List<object>();
        if (fields.Bytes("tokenizer.ggml.precompiled_charsmap") is { Length: > 0 } map) steps.Add(new { type = "Precompiled", precompiled_charsmap = Convert.ToBase64String(map) });
        if (merge)
        {
            steps.Add(new { type = "Replace", pattern = new { Regex = @"\A +| +\z" }, content = "" });
            steps.Add(new { type = "Replace", pattern = new { Regex = " {2,}" }, content = " " });
        }
        // One more space before the first word: at the start it is the same text wherever the new one goes, and a text of nothing but spaces gets none.
        if (merge || prefix) steps.Add(new { type = "Replace", pattern = new { Regex = @"\A(?= *[^ ])" }, content = " " });
        steps.Add(new { type = "Replace", pattern = new { String = " " }, content = WordMark });
        return steps;
    }
}
