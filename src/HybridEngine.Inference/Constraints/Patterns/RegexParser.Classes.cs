using System.Text;

namespace HybridEngine.Inference;

internal sealed partial class RegexParser
{
    /// <summary>After <c>[</c>.</summary>
    private CodePointSet ReadClass()
    {
        int start = _at - 1;
        bool negated = Take('^');
        var ranges = new List<(int, int)>();
        CodePointSet named = CodePointSet.Empty;
        bool first = !IsEcma;
        while (true)
        {
            if (AtEnd) { throw Wrong("the end", $"']' for the {Found(start)}"); }
            if (_text[_at] == ']' && !first) { break; }
            first = false;
            int itemStart = _at;
            (int low, CodePointSet? set) = ReadClassItem();
            bool dash = Peek == '-' && _at + 1 < _text.Length && _text[_at + 1] != ']';
            if (set is not null)
            {
                if (dash) { throw Wrong(Found(itemStart, _at - itemStart + 1), "characters at both ends of a range"); }
                named = named.Union(set);
                continue;
            }

            int high = low;
            if (dash)
            {
                _at++;
                (high, set) = ReadClassItem();
                if (set is not null || high < low) { throw Wrong(Found(itemStart, _at - itemStart), "a range from a lower to a higher character"); }
            }

            ranges.Add((low, high));
        }

        _at++;
        CodePointSet all = CodePointSet.Of(ranges).Union(named);
        return negated ? all.Complement() : all;
    }

    private (int Character, CodePointSet? Set) ReadClassItem()
    {
        if (AtEnd) { throw Wrong("the end", "']'"); }
        int character = _text[_at++];
        if (character != '\\') { return (character, null); }
        if (Peek == 'b') { _at++; return ('\b', null); }
        if (Peek == '-') { _at++; return ('-', null); }
        return ReadEscape();
    }

    /// <summary>After a backslash that stands outside of a class.</summary>
    private Pattern ReadEscapeOutside()
    {
        switch (Peek)
        {
            case 'b' or 'B': throw Unsupported($"a word boundary ({Found(_at - 1, 2)})");
            case >= '1' and <= '9': throw Unsupported($"a back-reference ({Found(_at - 1, 2)})");
            case 'k' when IsEcma: throw Unsupported($"a back-reference ({Found(_at - 1, 2)})");
            case 'A' when !IsEcma: _at++; return Pattern.Begin;
            case 'Z' when !IsEcma: _at++; return Pattern.End;
        }

        (int character, CodePointSet? set) = ReadEscape();
        return Pattern.Set(set ?? CodePointSet.Of(character));
    }

    /// <summary>After a backslash: a character, or a named set.</summary>
    private (int Character, CodePointSet? Set) ReadEscape()
    {
        int start = _at - 1;
        if (AtEnd) { throw Wrong("'\\' at the end", "a character after it"); }
        int letter = _text[_at++];
        switch (letter)
        {
            case 'd': return (0, RegexClasses.Digit);
            case 'D': return (0, RegexClasses.Digit.Complement());
            case 'w': return (0, RegexClasses.Word);
            case 'W': return (0, RegexClasses.Word.Complement());
            case 's': return (0, RegexClasses.Space(_dialect));
            case 'S': return (0, RegexClasses.Space(_dialect).Complement());
            case 'p' or 'P' when IsEcma: return (0, ReadProperty(start, letter == 'P'));
            case 't': return ('\t', null);
            case 'n': return ('\n', null);
            case 'r': return ('\r', null);
            case 'f': return ('\f', null);
            case 'v': return ('\v', null);
            case '0' when Peek is not (>= '0' and <= '9'): return (0, null);
            case 'a' when !IsEcma: return ('\a', null);
            case 'x': return (ReadHex(2, start), null);
            case 'U' when !IsEcma: return (ReadHex(8, start), null);
            case 'u': return (ReadUnicode(start), null);
            case 'c' when IsEcma && Peek is >= 'A' and <= 'Z' or >= 'a' and <= 'z': return (_text[_at++] % 32, null);
        }

        bool word = letter < 128 && (char.IsAsciiLetterOrDigit((char)letter) || letter == '_');
        return word ? throw Wrong(Found(start, 2), "a known escape") : (letter, null);
    }

    private int ReadUnicode(int start)
    {
        if (IsEcma && Take('{'))
        {
            int value = 0, digits = 0;
            while (Peek is var digit && digit is >= 0 and < 128 && char.IsAsciiHexDigit((char)digit) && value <= 0x10FFFF)
            {
                value = value * 16 + Convert.ToInt32(((char)digit).ToString(), 16);
                (_at, digits) = (_at + 1, digits + 1);
            }

            return digits > 0 && Take('}') && Rune.IsValid(value) ? value : throw Wrong(Found(start, 4), "\\u{...} with the code point of a character");
        }

        int unit = ReadHexUnit(4, start);
        if (!char.IsSurrogate((char)unit)) { return unit; }
        // A pair of escapes, as ECMA-262 writes characters beyond U+FFFF.
        if (char.IsHighSurrogate((char)unit) && Take('\\') && Take('u'))
        {
            int low = ReadHexUnit(4, start);
            if (char.IsLowSurrogate((char)low)) { return char.ConvertToUtf32((char)unit, (char)low); }
        }

        throw Wrong(Found(start, 6), "no half of a surrogate pair");
    }

    private int ReadHex(int digits, int start)
    {
        int value = ReadHexUnit(digits, start);
        return Rune.IsValid(value) ? value : throw Wrong(Found(start, digits + 2), "the code point of a character");
    }

    private int ReadHexUnit(int digits, int start)
    {
        long value = 0;
        for (int i = 0; i < digits; i++, _at++)
        {
            if (Peek is < 0 or >= 128 || !char.IsAsciiHexDigit((char)Peek)) { throw Wrong(Found(start, digits + 2), $"{digits} hexadecimal digits"); }
            value = value * 16 + Convert.ToInt32(((char)Peek).ToString(), 16);
        }

        return (int)Math.Min(value, int.MaxValue);
    }

    private CodePointSet ReadProperty(int start, bool negated)
    {
        int end = Array.IndexOf(_text, '}', _at);
        if (!Take('{') || end < 0) { throw Wrong(Found(start, 3), "\\p{name}"); }
        StringBuilder name = new();
        while (_at < end) { name.Append(new Rune(_text[_at++])); }
        _at++;
        CodePointSet set = RegexClasses.Property(name.ToString()) ?? throw Unsupported($"the Unicode property '{name}' (general categories are known)");
        return negated ? set.Complement() : set;
    }
}
