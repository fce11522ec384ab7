namespace HybridEngine.Models;

/// <summary>Builds normalizers from the <c>normalizer</c> section.</summary>
internal static class NormalizerReader
{
    private const string Known = "Sequence, NFC, NFD, NFKC, NFKD, Prepend, Replace, Lowercase, Strip, StripAccents, BertNormalizer, Nmt, ByteLevel, Precompiled";

    public static INormalizer? Read(JsonSection section) => section.IsNull ? null : section.Type switch
    {
        "Sequence" => new NormalizerSequence([.. section["normalizers"].Items().Select(item => item.IsNull ? throw item.Wrong("a normalizer") : Read(item)).OfType<INormalizer>()]),
        "NFC" => new UnicodeNormalizer(compatible: false, compose: true),
        "NFD" => new UnicodeNormalizer(compatible: false, compose: false),
        "NFKC" => new UnicodeNormalizer(compatible: true, compose: true),
        "NFKD" => new UnicodeNormalizer(compatible: true, compose: false),
        "Prepend" => new PrependNormalizer(section["prepend"].AsString()),
        "Replace" => new ReplaceNormalizer(PatternReader.Read(section["pattern"]), section["content"].AsString()),
        "Lowercase" => new LowercaseNormalizer(),
        "Strip" => new StripNormalizer(section.Flag("strip_left", true), section.Flag("strip_right", true)),
        "BertNormalizer" => ReadBert(section),
        "Precompiled" => section["precompiled_charsmap"] is { IsNull: false } map ? new PrecompiledNormalizer(FromBase64(map), section.File) : null,
        "Nmt" => new NmtNormalizer(),
        "ByteLevel" => new ByteLevelNormalizer(),
        "StripAccents" => RemoveNormalizer.Accents,
        var other => throw section.Unsupported($"normalizer '{other}'", Known),
    };

    private static byte[] FromBase64(JsonSection section)
    {
        string text = section.AsString();
        var bytes = new byte[text.Length];
        return Convert.TryFromBase64String(text, bytes, out int length) ? bytes[..length] : throw section.Wrong("base64");
    }

    private static BertNormalizer ReadBert(JsonSection section)
    {
        bool lowercase = section.Flag("lowercase", true);
        return new BertNormalizer(section.Flag("clean_text", true), section.Flag("handle_chinese_chars", true), section.Flag("strip_accents", lowercase), lowercase);
    }
}
