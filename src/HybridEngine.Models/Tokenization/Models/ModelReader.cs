using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Builds the model from the <c>model</c> section.</summary>
internal static class ModelReader
{
    public static (ITokenModel Model, Vocabulary Vocabulary) Read(JsonSection section)
    {
        // Files older than the member "type" hold BPE.
        string type = section.StringOrNull("type") ?? (section["merges"].IsNull ? throw section["type"].Wrong("the type of the model") : "BPE");
        (ITokenModel model, Vocabulary vocabulary) = type switch
        {
            "BPE" => ReadBpe(section),
            "Unigram" => ReadUnigram(section),
            "WordPiece" => ReadWordPiece(section),
            "WordLevel" => ReadWordLevel(section),
            _ => throw section.Unsupported($"tokenizer model '{type}'", "BPE, Unigram, WordPiece, WordLevel"),
        };
        if (model is WordLevelModel) return (model, vocabulary);
        model = new CachedModel(model);
        return (type == "BPE" && JoinsNeighboursOnly(section) ? WordwiseModel.Wrap(model, vocabulary) : model, vocabulary);
    }

    private static bool JoinsNeighboursOnly(JsonSection section) => !section.Flag("ignore_merges", false) && section.StringOrNull("end_of_word_suffix") is null or "";

    private static (ITokenModel Model, Vocabulary Vocabulary) ReadBpe(JsonSection section)
    {
        if (section["dropout"] is { IsNull: false } dropout && dropout.AsFloat() != 0) throw section.Unsupported($"BPE dropout {dropout.AsFloat()}", "none");
        if (section.StringOrNull("continuing_subword_prefix") is { Length: > 0 } prefix) throw section.Unsupported($"continuing_subword_prefix '{prefix}'", "none");

        Vocabulary vocabulary = ReadVocabulary(section["vocab"]);
        UnknownCharacters unknown = ReadUnknown(section, vocabulary);
        if (section["scores"] is { IsNull: false } scores) return (new ScoredBpeModel(vocabulary, ReadScores(scores, vocabulary), unknown), vocabulary);

        List<string> merges = ReadMerges(section["merges"]);
        try
        {
            return (new BpeModel(vocabulary, merges, section.StringOrNull("end_of_word_suffix") ?? "", section.Flag("ignore_merges", false), unknown), vocabulary);
        }
        catch (InvalidOperationException error)
        {
            throw new InvalidInputException(section.File, error.Message.TrimEnd('.'), "merges of two tokens of the vocabulary into a third");
        }
    }

    private static (ITokenModel Model, Vocabulary Vocabulary) ReadUnigram(JsonSection section)
    {
        var vocabulary = new Vocabulary();
        var scores = new List<double>();
        // A member of our own: GGUF files hold scores in 32 bits, and their sums are equal where those of other digits would not be.
        bool single = section.StringOrNull("score_type") == UnigramJson.SinglePrecision;
        foreach (JsonSection item in section["vocab"].Items())
        {
            JsonSection[] pair = [.. item.Items()];
            if (pair.Length != 2) throw item.Wrong("[token, score]");
            vocabulary.Add(pair[0].AsString(), scores.Count, section.File);
            scores.Add(single ? pair[1].AsFloat() : pair[1].AsScore());
        }
        if (scores.Count == 0) throw section["vocab"].Wrong("at least one token");
        int? unknown = section["unk_id"] is { IsNull: false } id ? id.AsInt() : null;
        if (unknown is { } value && (uint)value >= (uint)scores.Count) throw section["unk_id"].Wrong($"an id from 0 to {scores.Count - 1}");
        int[]? byteTokens = section.Flag("byte_fallback", false) ? vocabulary.ByteTokens() : null;
        return (new UnigramModel(vocabulary, [.. scores], unknown, byteTokens, section.File), vocabulary);
    }

    private static (ITokenModel Model, Vocabulary Vocabulary) ReadWordPiece(JsonSection section)
    {
        Vocabulary vocabulary = ReadVocabulary(section["vocab"]);
        int longest = section.Number("max_input_chars_per_word", 100);
        if (longest < 0) throw section["max_input_chars_per_word"].Wrong("a number from 0");
        return (new WordPieceModel(vocabulary, section.StringOrNull("continuing_subword_prefix") ?? "##", Unknown(section, vocabulary, "[UNK]"), longest), vocabulary);
    }

    private static (ITokenModel Model, Vocabulary Vocabulary) ReadWordLevel(JsonSection section)
    {
        Vocabulary vocabulary = ReadVocabulary(section["vocab"]);
        return (new WordLevelModel(vocabulary, Unknown(section, vocabulary, "<unk>")), vocabulary);
    }

    private static int Unknown(JsonSection section, Vocabulary vocabulary, string otherwise) =>
        vocabulary.Find(section.StringOrNull("unk_token") ?? otherwise) ?? throw section["unk_token"].Wrong("a token of the vocabulary");

    private static Vocabulary ReadVocabulary(JsonSection section)
    {
        var vocabulary = new Vocabulary();
        foreach ((string text, JsonSection id) in section.Members()) vocabulary.Add(text, id.AsInt(), section.File);
        return vocabulary.Size > 0 ? vocabulary : throw section.Wrong("at least one token");
    }

    private static UnknownCharacters ReadUnknown(JsonSection section, Vocabulary vocabulary)
    {
        int? unknownId = null;
        if (section.StringOrNull("unk_token") is { } text) unknownId = vocabulary.Find(text) ?? throw section["unk_token"].Wrong("a token of the vocabulary");
        int[]? byteTokens = section.Flag("byte_fallback", false) ? vocabulary.ByteTokens() : null;
        return new UnknownCharacters(byteTokens, unknownId, section.Flag("fuse_unk", false));
    }

    /// <summary>Merges are written <c>"left right"</c>, in newer files <c>["left", "right"]</c>.</summary>
    private static List<string> ReadMerges(JsonSection section)
    {
        var merges = new List<string>();
        foreach (JsonSection item in section.Items())
        {
            if (!item.IsArray)
            {
                merges.Add(item.AsString());
                continue;
            }
            string[] pair = [.. item.Items().Select(part => part.AsString())];
            if (pair.Length != 2) throw item.Wrong("a pair of tokens");
            if (pair[0].Contains(' ') || pair[1].Contains(' ')) throw item.Unsupported("a merge of tokens with spaces", "tokens without spaces");
            merges.Add($"{pair[0]} {pair[1]}");
        }
        return merges;
    }

    private static float[] ReadScores(JsonSection section, Vocabulary vocabulary)
    {
        float[] scores = [.. section.Items().Select(item => item.AsFloat())];
        return scores.Length == vocabulary.Size ? scores : throw new InvalidInputException(section.File, $"{scores.Length} scores at {section.Path}", $"{vocabulary.Size}, one a token");
    }
}
