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
}
