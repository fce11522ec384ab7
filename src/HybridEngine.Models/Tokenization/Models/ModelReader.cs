using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Builds the model from the <c>model</c> section.</summary>
internal static class ModelReader
{
    public static (ITokenModel Model, Vocabulary Vocabulary) Read(JsonSection section)
    {
        string type = section.StringOrNull("type") ?? (section["merges"].IsNull ? throw section["type"].Wrong("the type of the model") : "BPE");
        if (type != "BPE") throw section.Unsupported($"tokenizer model '{type}'", "BPE");
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
