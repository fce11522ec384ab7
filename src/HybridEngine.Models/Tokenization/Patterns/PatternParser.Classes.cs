using System.Globalization;

namespace HybridEngine.Models;

/// <summary>Escapes, properties and classes in brackets.</summary>
internal sealed partial class PatternParser
{
    // Script=Han of Unicode 16.
    private static readonly (int First, int Last)[] Han =
    [
        (0x2E80, 0x2E99), (0x2E9B, 0x2EF3), (0x2F00, 0x2FD5), (0x3005, 0x3005), (0x3007, 0x3007), (0x3021, 0x3029), (0x3038, 0x303B), (0x3400, 0x4DBF), (0x4E00, 0x9FFF),
        (0xF900, 0xFA6D), (0xFA70, 0xFAD9), (0x16FE2, 0x16FE3), (0x16FF0, 0x16FF1), (0x20000, 0x2A6DF), (0x2A700, 0x2B739), (0x2B740, 0x2B81D), (0x2B820, 0x2CEA1),
        (0x2CEB0, 0x2EBE0), (0x2EBF0, 0x2EE5D), (0x2F800, 0x2FA1D), (0x30000, 0x3134A), (0x31350, 0x323AF),
    ];

    private static readonly CharacterSet Digit = CharacterSet.Categories(UnicodeCategory.DecimalDigitNumber);
    private static readonly CharacterSet Word = new(CodePoints.IsWord);
    private static readonly CharacterSet Space = new(CodePoints.IsWhiteSpace);
    private static readonly CharacterSet HexDigit = new(code => code < 0x80 && char.IsAsciiHexDigit((char)code));

    /// <summary>What a backslash stands for: a set, and its character where it is one.</summary>
    private (CharacterSet Set, int? Code) ParseEscape(bool inClass)
    {
        if (Next == End) throw new PatternException("a \\ at its end");
        int letter = _codes[_at++];
        switch (letter)
        {
            case 'd': return (Digit, null);
            case 'D': return (Digit.Negate(), null);
            case 'w': return (Word, null);
            case 'W': return (Word.Negate(), null);
            case 's': return (Space, null);
            case 'S': return (Space.Negate(), null);
            case 'h': return (HexDigit, null);
            case 'H': return (HexDigit.Negate(), null);
            case 'p' or 'P': return (ParseProperty(letter == 'P'), null);
        }
        int code = letter switch
        {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'f' => '\f',
            'v' => '\v',
            'a' => '\a',
            'e' => 0x1B,
            'b' when inClass => '\b',
            'x' => ParseHex(Next == '{' ? 0 : 2),
            'u' => ParseHex(4),
            '0' => 0,
            < 0x80 when char.IsAsciiLetterOrDigit((char)letter) => throw new PatternException($"\\{(char)letter}"),
            _ => letter,
        };
        return (CharacterSet.Of(code), code);
    }

    private int ParseHex(int digits)
    {
        int from = _at;
        bool braces = digits == 0 && Take('{');
        if (braces) from++;
        int value = 0;
        for (; (braces || _at - from < digits) && Next is >= 0 and < 0x80 && char.IsAsciiHexDigit((char)Next) && value <= 0x10FFFF; _at++) value = value * 16 + Convert.ToInt32(((char)Next).ToString(), 16);
        if (_at == from || value > 0x10FFFF) throw new PatternException("a character number that is none");
        if (braces) Expect('}');
        return value;
    }

    private CharacterSet ParseProperty(bool negated)
    {
        Expect('{');
        if (Take('^')) negated = !negated;
        int close = Array.IndexOf(_codes, '}', _at);
        if (close < 0 || close - _at > 40) throw new PatternException("\\p without a name in braces");
        string name = string.Concat(_codes[_at..close].Select(char.ConvertFromUtf32));
        _at = close + 1;
        CharacterSet set = Property(name) ?? throw new PatternException($"\\p{{{name}}}");
        return negated ? set.Negate() : set;
    }

    private static CharacterSet? Property(string name)
    {
        switch (name)
        {
            case "Han": return new CharacterSet(code => Array.Exists(Han, range => code >= range.First && code <= range.Last));
            case "Any": return new CharacterSet(_ => true);
            case "Digit" or "digit": return Digit;
            case "Space" or "White_Space" or "space": return Space;
            case "Word" or "word": return Word;
        }
        // A general category by its short name, or a group of them by its first letter.
        UnicodeCategory[] categories = [.. Enumerable.Range(0, Short.Length).Where(i => Short[i] == name || (name.Length == 1 && Short[i][0] == name[0])).Select(i => (UnicodeCategory)i)];
        if (name is "L&" or "LC") categories = [UnicodeCategory.UppercaseLetter, UnicodeCategory.LowercaseLetter, UnicodeCategory.TitlecaseLetter];
        return categories.Length > 0 ? CharacterSet.Categories(categories) : null;
    }

    // In the order of UnicodeCategory.
    private static readonly string[] Short =
        ["Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Cn"];

    /// <summary>After the bracket: single characters, ranges, classes in classes, and <c>&amp;&amp;</c> for what is in both.</summary>
    private CharacterSet ParseClass()
    {
        if (++_depth > DeepestNesting) throw new PatternException($"more than {DeepestNesting} classes in one another");
        bool negated = Take('^');
        CharacterSet? whole = null;
        var parts = new List<CharacterSet>();
        for (bool first = true; first || Next != ']'; first = false)
        {
            if (Next == End) throw new PatternException("no ] at its end");
            if (Next == '&' && _at + 1 < _codes.Length && _codes[_at + 1] == '&')
            {
                _at += 2;
                whole = Both(whole, parts);
                parts = [];
                continue;
            }
            parts.Add(ParseClassItem());
        }
        Expect(']');
        _depth--;
        CharacterSet set = Both(whole, parts);
        return negated ? set.Negate() : set;

        static CharacterSet Both(CharacterSet? left, List<CharacterSet> right)
        {
            CharacterSet set = CharacterSet.Any(right);
            return left == null ? set : left.And(set);
        }
    }

    private CharacterSet ParseClassItem()
    {
        if (Take('['))
        {
            return Next == ':' ? throw new PatternException("a POSIX class such as [:alpha:]") : ParseClass();
        }
        int? first = ParseClassCharacter(out CharacterSet set);
        if (first == null || Next != '-' || _at + 1 >= _codes.Length || _codes[_at + 1] == ']') return set;
        _at++;
        int last = ParseClassCharacter(out _) ?? throw new PatternException("a range that ends in a class");
        return first <= last ? CharacterSet.Range(first.Value, last) : throw new PatternException("a range from a character to one before it");
    }

    private int? ParseClassCharacter(out CharacterSet set)
    {
        if (Next == End) throw new PatternException("no ] at its end");
        int code = _codes[_at++];
        if (code != '\\')
        {
            set = CharacterSet.Of(code);
            return code;
        }
        (set, int? escaped) = ParseEscape(inClass: true);
        return escaped;
    }
}
