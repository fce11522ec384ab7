using System.Globalization;
using System.Text;
using HybridEngine.Core;

namespace HybridEngine.Inference;

/// <summary>Reads a grammar in llama.cpp's notation (GBNF): <c>name ::= "text" [a-z]+ (other | rule)? # comment</c>.</summary>
internal sealed class GrammarParser
{
    private const int DeepestNesting = 200, LargestCount = 100_000, LongestText = 1 << 20;

    private readonly string _source;
    private readonly int[] _text;
    private int _at;
    private int _depth;

    private GrammarParser(string text, string source)
    {
        _source = source;
        if (text.Length > LongestText) { throw new InvalidInputException(source, $"{text.Length.ToString(CultureInfo.InvariantCulture)} characters", $"at most {LongestText}"); }
        _text = [.. text.EnumerateRunes().Select(rune => rune.Value)];
    }

    private int Peek => _at < _text.Length ? _text[_at] : -1;

    /// <summary>The rules by name, in order.</summary>
    public static List<KeyValuePair<string, Pattern>> Parse(string text, string source)
    {
        var parser = new GrammarParser(text, source);
        var rules = new List<KeyValuePair<string, Pattern>>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (parser.SkipSpace(); parser.Peek >= 0; parser.SkipSpace())
        {
            string name = parser.ReadName() ?? throw parser.Wrong("a rule's name");
            parser.SkipSpace();
            if (!parser.Take("::=")) { throw parser.Wrong($"'::=' after the name '{name}'"); }
            if (!names.Add(name)) { throw new InvalidInputException(source, $"rule '{name}' for the second time", "each rule once"); }
            rules.Add(new(name, parser.ReadChoice()));
        }

        return rules;
    }

    private Pattern ReadChoice()
    {
        if (++_depth > DeepestNesting) { throw new UnsupportedException(_source, "groups nested this deep", $"{DeepestNesting} levels"); }
        var options = new List<Pattern>();
        do { options.Add(ReadSequence()); } while (Take("|"));
        _depth--;
        return Pattern.Choice([.. options]);
    }

    private Pattern ReadSequence()
    {
        var parts = new List<Pattern>();
        while (true)
        {
            SkipSpace();
            if (Peek is -1 or '|' or ')' || AtRule()) { return Pattern.Sequence([.. parts]); }
            Pattern part = ReadAtom();
            while (TryReadCount(out int min, out int max)) { part = Pattern.Repeat(part, min, max); }
            parts.Add(part);
        }
    }

    private Pattern ReadAtom()
    {
        switch (Peek)
        {
            case '"': _at++; return ReadLiteral();
            case '[': _at++; return Pattern.Set(ReadClass());
            case '.': _at++; return Pattern.Set(CodePointSet.All);
            case '(':
                _at++;
                Pattern inner = ReadChoice();
                return Take(")") ? inner : throw Wrong("')'");
            default:
                return Pattern.Reference(ReadName() ?? throw Wrong("a text in quotes, a class in brackets, a group or a rule's name"));
        }
    }

    private bool TryReadCount(out int min, out int max)
    {
        (min, max) = (0, Pattern.NoLimit);
        SkipSpace();
        switch (Peek)
        {
            case '*': _at++; return true;
            case '+': _at++; min = 1; return true;
            case '?': _at++; max = 1; return true;
            case '{': _at++; break;
            default: return false;
        }

        int? low = ReadNumber();
        bool comma = Take(",");
        int? high = comma ? ReadNumber() : low;
        if (!Take("}") || (low is null && high is null)) { throw Wrong("a count: {2}, {2,} or {2,4}"); }
        (min, max) = (low ?? 0, high ?? Pattern.NoLimit);
        if (min > LargestCount || max > LargestCount) { throw new UnsupportedException(_source, "a count this large", LargestCount.ToString(CultureInfo.InvariantCulture)); }
        return max == Pattern.NoLimit || max >= min ? true : throw Wrong("a count of which the second number is not the smaller");
    }

    private int? ReadNumber()
    {
        SkipSpace();
        int? number = null;
        while (Peek is >= '0' and <= '9') { number = (int)Math.Min((number ?? 0) * 10L + (_text[_at++] - '0'), int.MaxValue); }
        SkipSpace();
        return number;
    }

    private Pattern ReadLiteral()
    {
        var parts = new List<Pattern>();
        while (Peek != '"') { parts.Add(Pattern.Set(CodePointSet.Of(ReadCharacter("'\"'")))); }
        _at++;
        return Pattern.Sequence([.. parts]);
    }

    private CodePointSet ReadClass()
    {
        bool negated = Take("^");
        var ranges = new List<(int, int)>();
        while (Peek != ']')
        {
            int low = ReadCharacter("']'"), high = low;
            if (Peek == '-' && _at + 1 < _text.Length && _text[_at + 1] != ']')
            {
                _at++;
                high = ReadCharacter("']'");
                if (high < low) { throw Wrong("a range from a lower to a higher character"); }
            }

            ranges.Add((low, high));
        }

        _at++;
        CodePointSet set = CodePointSet.Of(ranges);
        return negated ? set.Complement() : set;
    }

    private int ReadCharacter(string end)
    {
        if (Peek < 0) { throw Wrong(end); }
        int character = _text[_at++];
        if (character != '\\') { return character; }
        int letter = Peek;
        _at++;
        switch (letter)
        {
            case 'n': return '\n';
            case 'r': return '\r';
            case 't': return '\t';
            case 'x': return ReadHex(2);
            case 'u': return ReadHex(4);
            case 'U': return ReadHex(8);
            case '\\' or '"' or '[' or ']' or '-' or '^': return letter;
            default:
                _at--;
                throw Wrong("a known escape after '\\'");
        }
    }

    private int ReadHex(int digits)
    {
        long value = 0;
        for (int i = 0; i < digits; i++, _at++)
        {
            if (Peek is < 0 or >= 128 || !char.IsAsciiHexDigit((char)Peek)) { throw Wrong($"{digits} hexadecimal digits"); }
            value = value * 16 + Convert.ToInt32(((char)Peek).ToString(), 16);
        }

        return value <= 0x10FFFF && Rune.IsValid((int)value) ? (int)value : throw Wrong("the code point of a character");
    }

    private string? ReadName()
    {
        StringBuilder name = new();
        while (Peek is >= 0 and < 128 && (char.IsAsciiLetterOrDigit((char)Peek) || Peek is '-' or '_')) { name.Append((char)_text[_at++]); }
        return name.Length == 0 ? null : name.ToString();
    }

    /// <summary>Whether the next rule begins here.</summary>
    private bool AtRule()
    {
        int start = _at;
        bool rule = ReadName() is not null;
        SkipSpace();
        rule = rule && Take("::=");
        _at = start;
        return rule;
    }

    private void SkipSpace()
    {
        while (true)
        {
            if (Peek is ' ' or '\t' or '\n' or '\r') { _at++; }
            else if (Peek == '#') { while (Peek is not (-1 or '\n')) { _at++; } }
            else { return; }
        }
    }

    private bool Take(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            if (_at + i >= _text.Length || _text[_at + i] != text[i]) { return false; }
        }

        _at += text.Length;
        return true;
    }

    private InvalidInputException Wrong(string expected)
    {
        int line = 1 + _text.AsSpan(0, Math.Min(_at, _text.Length)).Count('\n');
        string found = Peek < 0 ? "the end" : $"'{new Rune(Peek)}'";
        return new InvalidInputException(_source, $"{found} in line {line.ToString(CultureInfo.InvariantCulture)}", expected);
    }
}
