using System.Globalization;
using System.Text;
using HybridEngine.Core;

namespace HybridEngine.Inference;

/// <summary>Reads a regular expression. What no automaton can do (looking around, going back to a group) is refused by its name.</summary>
internal sealed partial class RegexParser
{
    private const int DeepestNesting = 200, LargestCount = 100_000, LongestPattern = 1 << 20;

    private readonly string _source;
    private readonly RegexDialect _dialect;
    private readonly int[] _text;
    private int _at;
    private int _depth;

    private RegexParser(string pattern, RegexDialect dialect, string source)
    {
        (_source, _dialect) = (source, dialect);
        if (pattern.Length > LongestPattern) { throw new InvalidInputException(source, $"a pattern of {pattern.Length.ToString(CultureInfo.InvariantCulture)} characters", $"at most {LongestPattern}"); }
        _text = [.. pattern.EnumerateRunes().Select(rune => rune.Value)];
    }

    private bool AtEnd => _at == _text.Length;

    private bool IsEcma => _dialect == RegexDialect.Ecma;

    /// <summary>Reads a pattern; anchors are still in it.</summary>
    /// <exception cref="InvalidInputException">It is not a regular expression.</exception>
    /// <exception cref="UnsupportedException">It asks for what an automaton cannot do.</exception>
    public static Pattern Parse(string pattern, RegexDialect dialect, string source)
    {
        var parser = new RegexParser(pattern, dialect, source);
        Pattern result = parser.ReadChoice();
        return parser.AtEnd ? result : throw parser.Wrong("')'", "no ')' without its '('");
    }

    private Pattern ReadChoice()
    {
        if (++_depth > DeepestNesting) { throw Unsupported($"groups nested deeper than {DeepestNesting}"); }
        var options = new List<Pattern> { ReadSequence() };
        while (Take('|')) { options.Add(ReadSequence()); }
        _depth--;
        return Pattern.Choice([.. options]);
    }

    private Pattern ReadSequence()
    {
        var parts = new List<Pattern>();
        while (!AtEnd && _text[_at] is not ('|' or ')')) { parts.Add(ReadRepeated()); }
        return Pattern.Sequence([.. parts]);
    }

    private Pattern ReadRepeated()
    {
        int start = _at;
        Pattern part = ReadAtom();
        if (!TryReadCount(out int min, out int max)) { return part; }
        if (part is BeginPattern or EndPattern) { throw Wrong(Found(start), "something to repeat before a quantifier"); }
        // How eagerly a match is looked for does not change what matches.
        if (!Take('?') && Peek == '+') { throw Unsupported("a possessive quantifier"); }
        int second = _at;
        if (TryReadCount(out _, out _)) { throw Wrong(Found(second), "one quantifier; a group where another is meant"); }
        return Pattern.Repeat(part, min, max);
    }

    private bool TryReadCount(out int min, out int max)
    {
        (min, max) = (0, Pattern.NoLimit);
        switch (Peek)
        {
            case '*': _at++; return true;
            case '+': _at++; min = 1; return true;
            case '?': _at++; max = 1; return true;
            case '{': return TryReadBraces(out min, out max);
            default: return false;
        }
    }

    /// <summary>A count in braces; braces that hold none are characters.</summary>
    private bool TryReadBraces(out int min, out int max)
    {
        int start = _at++;
        int? low = ReadNumber();
        bool comma = Take(',');
        int? high = comma ? ReadNumber() : low;
        if (!Take('}') || (low is null && (IsEcma || !comma)))
        {
            (_at, min, max) = (start, 0, 0);
            return false;
        }

        (min, max) = (low ?? 0, high ?? Pattern.NoLimit);
        if (min > LargestCount || max > LargestCount) { throw Unsupported($"a count above {LargestCount.ToString(CultureInfo.InvariantCulture)}"); }
        if (max != Pattern.NoLimit && max < min) { throw Wrong(Found(start), "a count of which the second number is not the smaller"); }
        return true;
    }

    private int? ReadNumber()
    {
        int? number = null;
        while (Peek is >= '0' and <= '9') { number = (int)Math.Min((number ?? 0) * 10L + (_text[_at++] - '0'), int.MaxValue); }
        return number;
    }

    private Pattern ReadAtom()
    {
        int start = _at;
        int character = _text[_at++];
        switch (character)
        {
            case '(': return ReadGroup();
            case '[': return Pattern.Set(ReadClass());
            case '.': return Pattern.Set(RegexClasses.Dot(_dialect));
            case '^': return Pattern.Begin;
            case '$': return Pattern.End;
            case '\\': return ReadEscapeOutside();
            case '*' or '+' or '?': throw Wrong(Found(start), "something to repeat before a quantifier");
            default: return Pattern.Set(CodePointSet.Of(character));
        }
    }

    private Pattern ReadGroup()
    {
        int start = _at - 1;
        if (Take('?'))
        {
            if (Take(':')) { }
            else if (Peek is '=' or '!') { throw Unsupported("look-ahead"); }
            else if (Take('#')) { return SkipComment(start); }
            else if (Peek == '>') { throw Unsupported("an atomic group"); }
            else if (Peek is '<' or 'P') { ReadGroupName(start); }
            else { throw Unsupported($"'{Found(start, 3)}' (a flag or a condition)"); }
        }

        Pattern inner = ReadChoice();
        return Take(')') ? inner : throw Wrong(AtEnd ? "the end" : Found(_at), $"')' for the '(' at {start.ToString(CultureInfo.InvariantCulture)}");
    }

    private void ReadGroupName(int start)
    {
        bool python = Take('P');
        if (python && Peek == '=') { throw Unsupported("a back-reference"); }
        if (!Take('<')) { throw Wrong(Found(start, 4), "a group"); }
        if (Peek is '=' or '!') { throw Unsupported("look-behind"); }
        int name = _at;
        while (!AtEnd && _text[_at] != '>') { _at++; }
        if (_at == name || !Take('>')) { throw Wrong(Found(start, 4), "a name between '<' and '>'"); }
    }

    private Pattern SkipComment(int start)
    {
        while (!AtEnd && _text[_at] != ')') { _at++; }
        return Take(')') ? Pattern.Empty : throw Wrong(Found(start, 3), "')' at the end of a comment");
    }

    private int Peek => AtEnd ? -1 : _text[_at];

    private bool Take(int character)
    {
        if (Peek != character) { return false; }
        _at++;
        return true;
    }

    private string Found(int at, int length = 1)
    {
        StringBuilder text = new("'");
        for (int i = at; i < Math.Min(at + length, _text.Length); i++) { text.Append(new Rune(_text[i])); }
        return text.Append(CultureInfo.InvariantCulture, $"' at {at}").ToString();
    }

    private InvalidInputException Wrong(string found, string expected) => new(_source, found, expected);

    private UnsupportedException Unsupported(string feature) => new(_source, feature, "characters, classes, groups, |, *, +, ?, {m,n}, ^ and $");
}
