namespace HybridEngine.Models;

/// <summary>Reads a tokenizer.json.</summary>
internal static class TokenizerJsonReader
{
    public static TokenizerParts Read(JsonSection root, TokenizerSettings settings)
    {
        if (!root.IsObject) throw root.Wrong("an object with model, added_tokens, ...");
        (ITokenModel model, Vocabulary vocabulary) = ModelReader.Read(root["model"]);
        List<AddedToken> added = ReadAddedTokens(root["added_tokens"], vocabulary);
        int[] ends = [.. settings.EndTokens.Select(vocabulary.Find).OfType<int>().Distinct()];
        return new TokenizerParts(vocabulary, model)
        {
            Added = added,
            Normalizer = NormalizerReader.Read(root["normalizer"]),
            PreTokenizer = PreTokenizerReader.Read(root["pre_tokenizer"]),
            PostProcessor = PostProcessorReader.Read(root["post_processor"]),
            Truncation = Truncation.Read(root["truncation"]),
            Padding = Padding.Read(root["padding"]),
            Decoder = DecoderReader.Read(root["decoder"]),
            SpecialTokens = settings.SpecialTokens,
            EndTokenIds = ends,
            ChatTemplate = settings.ChatTemplate,
        };
    }

    private static List<AddedToken> ReadAddedTokens(JsonSection section, Vocabulary vocabulary)
    {
        var tokens = new List<AddedToken>();
        if (section.IsNull) return tokens;
        foreach (JsonSection item in section.Items())
        {
            bool special = item.Flag("special", false);
            var token = new AddedToken(item["id"].AsInt(), item["content"].AsString(), item.Flag("single_word", false), item.Flag("lstrip", false),
                item.Flag("rstrip", false), item.Flag("normalized", !special), special);
            vocabulary.Add(token.Content, token.Id, section.File);
            tokens.Add(token);
        }
        return tokens;
    }
}
