using System.Globalization;

namespace HybridEngine.Models;

/// <summary>BERT's: control characters go, white space becomes spaces, Chinese characters stand alone, accents go, letters become small; each by option.</summary>
/// <remarks>Source: <c>normalizers/bert</c> of the tokenizers library.</remarks>
internal sealed class BertNormalizer(bool cleanText, bool spaceChinese, bool stripAccents, bool lowercase) : INormalizer
{
    private static readonly RemoveNormalizer NonSpacingMarks = new(code => code >= 0x300 && CodePoints.Category(code) == UnicodeCategory.NonSpacingMark);
    private static readonly UnicodeNormalizer Decompose = new(compatible: false, compose: false);
    private static readonly LowercaseNormalizer Lowercase = new();

    public AlignedText Apply(AlignedText text)
    {
        if (cleanText || spaceChinese) text = Clean(text);
        if (stripAccents) text = NonSpacingMarks.Apply(Decompose.Apply(text));
        return lowercase ? Lowercase.Apply(text) : text;
    }

    private AlignedText Clean(AlignedText text)
    {
        var units = new List<Unit>(text.Length);
        foreach (Unit unit in text.Units)
        {
            if (cleanText && IsDropped(unit.Code)) continue;
            if (cleanText && CodePoints.IsWhiteSpace(unit.Code)) units.Add(unit with { Code = ' ' });
            else if (spaceChinese && IsChinese(unit.Code))
            {
                units.Add(unit with { Code = ' ' });
                units.Add(unit);
                units.Add(unit with { Code = ' ' });
            }
            else units.Add(unit);
        }
        return AlignedText.FromUnits(units);
    }

    private static bool IsDropped(int code) => code is 0 or 0xFFFD
        || (code is not ('\t' or '\n' or '\r') && CodePoints.Category(code) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse);

    private static bool IsChinese(int code) => code is >= 0x4E00 and <= 0x9FFF or >= 0x3400 and <= 0x4DBF or >= 0x20000 and <= 0x2A6DF or >= 0x2A700 and <= 0x2B73F
        or >= 0x2B740 and <= 0x2B81F or >= 0x2B920 and <= 0x2CEAF or >= 0xF900 and <= 0xFAFF or >= 0x2F800 and <= 0x2FA1F;
}

/// <summary>Control characters go, special spaces become spaces.</summary>
/// <remarks>Source: <c>normalizers/unicode</c> of the tokenizers library, after SentencePiece's nmt rules.</remarks>
internal sealed class NmtNormalizer : INormalizer
{
    public AlignedText Apply(AlignedText text)
    {
        var units = new List<Unit>(text.Length);
        foreach (Unit unit in text.Units)
        {
            if (unit.Code is >= 0x01 and <= 0x08 or 0x0B or >= 0x0E and <= 0x1F or 0x7F or 0x8F or 0x9F) continue;
            bool space = unit.Code is 0x09 or 0x0A or 0x0C or 0x0D or 0x1680 or >= 0x200B and <= 0x200F or 0x2028 or 0x2029 or 0x2581 or 0xFEFF or 0xFFFD;
            units.Add(space ? unit with { Code = ' ' } : unit);
        }
        return AlignedText.FromUnits(units);
    }
}

/// <summary>Writes text as UTF-8, each byte as one character of GPT-2's alphabet.</summary>
internal sealed class ByteLevelNormalizer : INormalizer
{
    public AlignedText Apply(AlignedText text)
    {
        var units = new List<Unit>(text.Length);
        ByteLevelPreTokenizer.WriteBytes(text, 0, text.Length, units);
        return AlignedText.FromUnits(units);
    }
}
