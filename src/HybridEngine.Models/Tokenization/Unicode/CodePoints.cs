using System.Globalization;
using System.Text;

namespace HybridEngine.Models;

/// <summary>Questions about single code points, as the tokenizers library answers them.</summary>
internal static class CodePoints
{
    /// <summary>The property White_Space.</summary>
    public static bool IsWhiteSpace(int code) => code < 0x10000 && char.IsWhiteSpace((char)code);

    /// <summary>Categories Nd, Nl and No.</summary>
    public static bool IsNumeric(int code) => Category(code) is UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber;

    /// <summary>A word character of a regular expression: letters, marks, decimal digits, connectors.</summary>
    public static bool IsWord(int code) => Category(code) is <= UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.ConnectorPunctuation;

    /// <summary>ASCII punctuation and symbols, and every category P.</summary>
    public static bool IsPunctuation(int code) => code < 0x80
        ? code is >= '!' and <= '/' or >= ':' and <= '@' or >= '[' and <= '`' or >= '{' and <= '~'
        : Category(code) is >= UnicodeCategory.ConnectorPunctuation and <= UnicodeCategory.OtherPunctuation;

    public static UnicodeCategory Category(int code) => CharUnicodeInfo.GetUnicodeCategory(code);

    /// <summary>The code points of a string, unpaired surrogates as U+FFFD.</summary>
    public static int[] Of(string text)
    {
        var codes = new List<int>(text.Length);
        foreach (Rune rune in text.EnumerateRunes()) codes.Add(rune.Value);
        return [.. codes];
    }

    /// <summary>One UTF-16 unit for any code point, so that a regular expression of .NET sees characters, not surrogates:
    /// beyond U+FFFF a stand-in of the same general category, taken from corners of the plane that no pattern names.</summary>
    /// <remarks>A pattern can tell a character beyond U+FFFF from its stand-in only by naming either; patterns that name the former are refused when they are loaded.</remarks>
    public static char Collapse(int code) => code < 0x10000 ? (char)code : Category(code) switch
    {
        UnicodeCategory.UppercaseLetter => '\uA722',
        UnicodeCategory.LowercaseLetter => '\uA723',
        UnicodeCategory.TitlecaseLetter => '\u1F88',
        UnicodeCategory.ModifierLetter => '\uA717',
        UnicodeCategory.OtherLetter => '\uA500',
        UnicodeCategory.NonSpacingMark => '\uA66F',
        UnicodeCategory.SpacingCombiningMark => '\uA823',
        UnicodeCategory.EnclosingMark => '\uA670',
        UnicodeCategory.DecimalDigitNumber => '\uA8D0',
        UnicodeCategory.LetterNumber => '\uA6E6',
        UnicodeCategory.OtherNumber => '\uA830',
        UnicodeCategory.ConnectorPunctuation => '\uFE4D',
        UnicodeCategory.DashPunctuation => '\uFE58',
        UnicodeCategory.OpenPunctuation => '\uFE59',
        UnicodeCategory.ClosePunctuation => '\uFE5A',
        UnicodeCategory.OtherPunctuation or UnicodeCategory.InitialQuotePunctuation or UnicodeCategory.FinalQuotePunctuation => '\uA673',
        UnicodeCategory.MathSymbol => '\uFE62',
        UnicodeCategory.CurrencySymbol => '\uA838',
        UnicodeCategory.ModifierSymbol => '\uA700',
        UnicodeCategory.OtherSymbol => '\uA828',
        UnicodeCategory.Format => '\uFEFF',
        _ => '\uE000',
    };
}
