namespace HybridEngine.Models;

/// <summary>Builds post-processors from the <c>post_processor</c> section.</summary>
internal static class PostProcessorReader
{
    private const string Known = "Sequence, ByteLevel, TemplateProcessing, RobertaProcessing, BertProcessing";

    public static IPostProcessor? Read(JsonSection section) => section.IsNull ? null : section.Type switch
    {
        "Sequence" => new PostProcessorSequence([.. section["processors"].Items().Select(item => Read(item) ?? throw item.Wrong("a post-processor"))]),
        "ByteLevel" => new TrimOffsetsPostProcessor(section.Flag("trim_offsets", true), section.Flag("add_prefix_space", true)),
        "TemplateProcessing" => ReadTemplate(section),
        "RobertaProcessing" => new PostProcessorSequence(
        [
            new TrimOffsetsPostProcessor(section.Flag("trim_offsets", true), section.Flag("add_prefix_space", true)),
            new BracketPostProcessor(ReadPair(section["cls"]), ReadPair(section["sep"]), doubled: true),
        ]),
        "BertProcessing" => new BracketPostProcessor(ReadPair(section["cls"]), ReadPair(section["sep"]), doubled: false),
        var other => throw section.Unsupported($"post-processor '{other}'", Known),
    };

    private static Token ReadPair(JsonSection section)
    {
        JsonSection[] items = [.. section.Items()];
        return items.Length == 2 ? new Token(items[1].AsInt(), items[0].AsString(), 0, 0, 0) : throw section.Wrong("[token, id]");
    }

    private static TemplatePostProcessor ReadTemplate(JsonSection section)
    {
        var special = new Dictionary<string, List<Token>>(StringComparer.Ordinal);
        foreach ((string name, JsonSection value) in section["special_tokens"].Members())
        {
            int[] ids = [.. value["ids"].Items().Select(id => id.AsInt())];
            string[] texts = [.. value["tokens"].Items().Select(text => text.AsString())];
            if (ids.Length != texts.Length) throw value.Wrong("as many ids as tokens");
            special[name] = [.. ids.Zip(texts, (id, text) => new Token(id, text, 0, 0, 0))];
        }
        return new TemplatePostProcessor(ReadParts(section["single"], special, 1), ReadParts(section["pair"], special, 2));
    }

    private static List<TemplatePostProcessor.Part> ReadParts(JsonSection section, Dictionary<string, List<Token>> special, int texts)
    {
        var parts = new List<TemplatePostProcessor.Part>();
        foreach (JsonSection item in section.Items())
        {
            if (item["SpecialToken"] is { IsNull: false } token)
            {
                if (!special.TryGetValue(token["id"].AsString(), out List<Token>? tokens)) throw token["id"].Wrong("a token of special_tokens");
                parts.Add(new TemplatePostProcessor.Part(tokens, 0, token.Number("type_id", 0)));
            }
            else if (item["Sequence"] is { IsNull: false } sequence)
            {
                int text = sequence["id"].AsString() switch { "A" => 0, "B" => 1, _ => throw sequence["id"].Wrong("A or B") };
                if (text >= texts) throw sequence["id"].Wrong("A, there is one text");
                parts.Add(new TemplatePostProcessor.Part(null, text, sequence.Number("type_id", 0)));
            }
            else throw item.Wrong("SpecialToken or Sequence");
        }
        return parts;
    }
}
