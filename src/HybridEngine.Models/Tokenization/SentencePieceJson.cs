using System.Text.Json;

namespace HybridEngine.Models;

/// <summary>How a SentencePiece vocabulary is used.</summary>
/// <param name="Bos">Token before every text, or null.</param>
/// <param name="Eos">Token that ends a text, or null.</param>
/// <param name="Unknown">Token for unknown characters, or null.</param>
internal sealed record SentencePieceOptions(int? Bos, int? Eos, int? Unknown)
{
    /// <summary>Whether <see cref="Bos"/> is put before every text.</summary>
    public bool AddBos { get; init; } = true;

    /// <summary>Whether <see cref="Eos"/> is put after every text.</summary>
    public bool AddEos { get; init; }

    /// <summary>Whether a text gets a word mark at its start.</summary>
    public bool AddSpacePrefix { get; init; } = true;

    public string? ChatTemplate { get; init; }

    public IReadOnlyList<int> EndTokens { get; init; } = [];
}

/// <summary>Writes a SentencePiece BPE vocabulary (pieces and scores) as a tokenizer.json.</summary>
/// <remarks>The format has no scores; they stand in a member of our own, <c>model.scores</c>, which other readers ignore. Saving adds merges for them.</remarks>
internal static class SentencePieceJson
{
    private const string WordMark = "\u2581";

    public static Tokenizer Build(string file, IReadOnlyList<string> texts, IReadOnlyList<float> scores, IReadOnlySet<int> special, SentencePieceOptions options, IEnumerable<int>? userDefined = null)
    {
        using var writer = new TokenizerJsonWriter();
        Utf8JsonWriter json = writer.Json;
        writer.WriteAddedTokens(texts, special.Select(id => (id, true)).Concat((userDefined ?? []).Select(id => (id, false))).OrderBy(token => token.Item1));

        var mark = new { type = "Replace", pattern = new { String = " " }, content = WordMark };
        writer.WriteSteps("normalizer", "normalizers", options.AddSpacePrefix ? [new { type = "Prepend", prepend = WordMark }, mark] : [mark]);
        json.WriteNull("pre_tokenizer");
        writer.WriteTemplate(texts, options.AddBos ? options.Bos : null, options.AddEos ? options.Eos : null);
        var decoders = new List<object> { new { type = "Replace", pattern = new { String = WordMark }, content = " " }, new { type = "ByteFallback" }, new { type = "Fuse" } };
        if (options.AddSpacePrefix) decoders.Add(new { type = "Strip", content = " ", start = 1, stop = 0 });
        writer.WriteSteps("decoder", "decoders", decoders);

        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        if (options.Unknown is { } unknown) json.WriteString("unk_token", texts[unknown]);
        json.WriteBoolean("fuse_unk", true);
        json.WriteBoolean("byte_fallback", true);
        writer.WriteVocabulary(texts);
        json.WriteStartArray("merges");
        json.WriteEndArray();
        json.WritePropertyName("scores");
        JsonSerializer.Serialize(json, scores);
        json.WriteEndObject();

        return Tokenizer.FromJson(writer.Finish(), file, GgufTokenizer.Settings(texts, options.Bos, options.Eos, options.Unknown, null, options.EndTokens, options.ChatTemplate));
    }
}
