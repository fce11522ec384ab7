namespace HybridEngine.Models;

/// <summary>Builds decoders from the <c>decoder</c> section.</summary>
internal static class DecoderReader
{
    private const string Known = "Sequence, ByteLevel, ByteFallback, Fuse, Replace, Strip, Metaspace, BPEDecoder, WordPiece, CTC";

    public static IDecoder? Read(JsonSection section) => section.IsNull ? null : section.Type switch
    {
        "Sequence" => new DecoderSequence([.. section["decoders"].Items().Select(item => Read(item) ?? throw item.Wrong("a decoder"))]),
        "ByteLevel" => new ByteLevelDecoder(),
        "ByteFallback" => new ByteFallbackDecoder(),
        "Fuse" => new FuseDecoder(),
        "Replace" => ReadReplace(section),
        "Strip" => ReadStrip(section),
        "Metaspace" => new MetaspaceDecoder(section["replacement"].AsString(), PreTokenizerReader.Scheme(section)),
        "BPEDecoder" => new EndOfWordDecoder(section.StringOrNull("suffix") is { Length: > 0 } suffix ? suffix : throw section["suffix"].Wrong("a text")),
        "WordPiece" => new WordPieceDecoder(section.StringOrNull("prefix") ?? "##", section.Flag("cleanup", true)),
        "CTC" => new CtcDecoder(section.StringOrNull("pad_token") ?? "<pad>", section.StringOrNull("word_delimiter_token") ?? "|", section.Flag("cleanup", true)),
        var other => throw section.Unsupported($"decoder '{other}'", Known),
    };

    private static ReplaceDecoder ReadReplace(JsonSection section)
    {
        JsonSection pattern = section["pattern"]["String"];
        if (pattern.IsNull) throw section.Unsupported("a Replace decoder with a pattern that is not a fixed text", "{\"String\": ...}");
        string text = pattern.AsString();
        return text.Length > 0 ? new ReplaceDecoder(text, section["content"].AsString()) : throw pattern.Wrong("a text that is not empty");
    }

    private static StripDecoder ReadStrip(JsonSection section)
    {
        int content = PreTokenizerReader.Character(section["content"]);
        if (content > 0xFFFF) throw section["content"].Wrong("a character up to U+FFFF");
        return new StripDecoder((char)content, section.Number("start", 0), section.Number("stop", 0));
    }
}
