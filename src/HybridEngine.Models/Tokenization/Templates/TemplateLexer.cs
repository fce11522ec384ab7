using System.Globalization;
using System.Text;

namespace HybridEngine.Models;

/// <summary>Cuts a template into tokens, with Jinja's rules for white space as transformers sets them: <c>trim_blocks</c> and <c>lstrip_blocks</c> on, one final newline dropped.</summary>
internal sealed class TemplateLexer
{
    private static readonly string[] Operators = ["//", "**", "==", "!=", ">=", "<=", "+", "-", "*", "/", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";"];

    private readonly string _source;
    private readonly List<TemplateToken> _tokens = [];
    private int _at;
    private int _line = 1;

    // Whether the last tag ended with a newline that belongs to it: what follows then begins a line.
    private bool _lineStart = true;

    private TemplateLexer(string source) => _source = source;

    public static List<TemplateToken> Read(string source)
    {
        string text = source.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        if (text.EndsWith('\n')) text = text[..^1];
        var lexer = new TemplateLexer(text);
        lexer.ReadAll();
        return lexer._tokens;
    }

    private void ReadAll()
    {
        while (_at < _source.Length)
        {
            int tag = NextTag();
            if (tag < 0)
            {
                Add(TemplateTokenKind.Data, _source[_at..]);
                break;
            }
            ReadData(tag);
            switch (_source[tag + 1])
            {
                case '{': ReadTag(TemplateTokenKind.PrintBegin, TemplateTokenKind.PrintEnd, "}}"); break;
                case '#': SkipComment(); break;
                default:
                    if (!TryReadRaw()) ReadTag(TemplateTokenKind.BlockBegin, TemplateTokenKind.BlockEnd, "%}");
                    break;
            }
        }
        Add(TemplateTokenKind.End, "end of template");
    }

    private int NextTag()
    {
        for (int i = _source.IndexOf('{', _at); i >= 0 && i + 1 < _source.Length; i = _source.IndexOf('{', i + 1))
        {
            if (_source[i + 1] is '{' or '%' or '#') return i;
        }
        return -1;
    }

    /// <summary>Takes the text before a tag, without what the tag strips, and goes past the tag's opening.</summary>
    private void ReadData(int tag)
    {
        string data = _source[_at..tag];
        char sign = tag + 2 < _source.Length ? _source[tag + 2] : ' ';
        string kept = Stripped(data, sign, _source[tag + 1] != '{');
        if (kept.Length > 0) Add(TemplateTokenKind.Data, kept);
        CountLines(data);
        _at = tag + (sign is '-' or '+' ? 3 : 2);
    }

    private string Stripped(string data, char sign, bool stripsLine)
    {
        if (sign == '-') return data.TrimEnd();
        if (sign == '+' || !stripsLine) return data;
        int line = data.LastIndexOf('\n') + 1;
        return (line > 0 || _lineStart) && data.AsSpan(line).IsWhiteSpace() ? data[..line] : data;
    }

    private void SkipComment()
    {
        int end = _source.IndexOf("#}", _at, StringComparison.Ordinal);
        if (end < 0) throw Error("a comment that is not closed");
        CountLines(_source.AsSpan(_at, end - _at));
        char sign = end > _at ? _source[end - 1] : ' ';
        _at = end + 2;
        SkipAfterTag(sign, trims: true);
    }

    /// <summary>After a tag: <c>-</c> takes all white space, otherwise a block or comment takes one newline unless it says <c>+</c>.</summary>
    private void SkipAfterTag(char sign, bool trims)
    {
        int start = _at;
        if (sign == '-') while (_at < _source.Length && char.IsWhiteSpace(_source[_at])) _at++;
        else if (trims && sign != '+' && _at < _source.Length && _source[_at] == '\n') _at++;
        CountLines(_source.AsSpan(start, _at - start));
        _lineStart = _at > start && _source[_at - 1] == '\n';
    }

    /// <summary>Reads <c>{% raw %} ... {% endraw %}</c>, whose inside is text.</summary>
    private bool TryReadRaw()
    {
        if (!TryWordTag(_at, "raw", out int bodyStart, out char sign)) return false;
        _at = bodyStart;
        SkipAfterTag(sign, trims: false);
        for (int i = _source.IndexOf("{%", _at, StringComparison.Ordinal); i >= 0; i = _source.IndexOf("{%", i + 2, StringComparison.Ordinal))
        {
            char opening = i + 2 < _source.Length ? _source[i + 2] : ' ';
            if (!TryWordTag(i + (opening is '-' or '+' ? 3 : 2), "endraw", out int after, out char closing)) continue;
            string body = _source[_at..i];
            string kept = Stripped(body, opening, true);
            if (kept.Length > 0) Add(TemplateTokenKind.Data, kept);
            CountLines(body);
            _at = after;
            SkipAfterTag(closing, trims: true);
            return true;
        }
        throw Error("a raw block without endraw");
    }

    private bool TryWordTag(int at, string word, out int after, out char sign)
    {
        (after, sign) = (at, ' ');
        while (at < _source.Length && char.IsWhiteSpace(_source[at])) at++;
        if (string.CompareOrdinal(_source, at, word, 0, word.Length) != 0) return false;
        at += word.Length;
        while (at < _source.Length && char.IsWhiteSpace(_source[at])) at++;
        if (at < _source.Length && _source[at] is '-' or '+') sign = _source[at++];
        after = at + 2;
        return string.CompareOrdinal(_source, at, "%}", 0, 2) == 0;
    }

    private void ReadTag(TemplateTokenKind begin, TemplateTokenKind end, string close)
    {
        Add(begin, "");
        var open = new Stack<char>();
        while (true)
        {
            while (_at < _source.Length && char.IsWhiteSpace(_source[_at]))
            {
                if (_source[_at] == '\n') _line++;
                _at++;
            }
            if (_at >= _source.Length) throw Error($"a tag that is not closed by {close}");
            // A closing inside brackets belongs to them: {{ {'a': {}} }}.
            if (open.Count == 0 && TryClose(end, close)) return;
            ReadToken(open);
        }
    }

    private bool TryClose(TemplateTokenKind end, string close)
    {
        char sign = _source[_at];
        bool signed = sign is '-' or '+' && string.CompareOrdinal(_source, _at + 1, close, 0, 2) == 0 && (sign == '-' || close == "%}");
        if (!signed && string.CompareOrdinal(_source, _at, close, 0, 2) != 0) return false;
        _at += signed ? 3 : 2;
        Add(end, "");
        SkipAfterTag(signed ? sign : ' ', trims: close == "%}");
        return true;
    }

    private void ReadToken(Stack<char> open)
    {
        char c = _source[_at];
        if (c is '\'' or '"') ReadString(c);
        else if (char.IsAsciiDigit(c)) ReadNumber();
        else if (c == '_' || char.IsLetter(c) || char.IsSurrogate(c))
        {
            int start = _at;
            while (_at < _source.Length && (_source[_at] == '_' || char.IsLetterOrDigit(_source[_at]) || char.IsSurrogate(_source[_at])
                || char.GetUnicodeCategory(_source[_at]) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark)) _at++;
            Add(TemplateTokenKind.Name, _source[start.._at]);
        }
        else
        {
            string text = Array.Find(Operators, candidate => string.CompareOrdinal(_source, _at, candidate, 0, candidate.Length) == 0) ?? throw Error($"the character '{c}'");
            if (c is '(' or '[' or '{') open.Push(c);
            else if (c is ')' or ']' or '}')
            {
                char expected = c switch { ')' => '(', ']' => '[', _ => '{' };
                if (open.Count == 0 || open.Pop() != expected) throw Error($"'{c}' without '{expected}'");
            }
            _at += text.Length;
            Add(TemplateTokenKind.Operator, text);
        }
    }

    private void ReadNumber()
    {
        int start = _at;
        if (_source[_at] == '0' && _at + 1 < _source.Length && char.ToLowerInvariant(_source[_at + 1]) is 'x' or 'o' or 'b')
        {
            _at += 2;
            while (_at < _source.Length && (char.IsAsciiHexDigit(_source[_at]) || _source[_at] == '_')) _at++;
            Add(TemplateTokenKind.Integer, _source[start.._at].Replace("_", "", StringComparison.Ordinal));
            return;
        }
        bool isFloat = false;
        Digits();
        if (_at + 1 < _source.Length && _source[_at] == '.' && char.IsAsciiDigit(_source[_at + 1]) && (start == 0 || _source[start - 1] != '.'))
        {
            isFloat = true;
            _at++;
            Digits();
        }
        int sign = _at + 1 < _source.Length && _source[_at + 1] is '+' or '-' ? 1 : 0;
        if (_at < _source.Length && _source[_at] is 'e' or 'E' && _at + 1 + sign < _source.Length && char.IsAsciiDigit(_source[_at + 1 + sign]))
        {
            isFloat = true;
            _at += 1 + sign;
            Digits();
        }
        Add(isFloat ? TemplateTokenKind.Float : TemplateTokenKind.Integer, _source[start.._at].Replace("_", "", StringComparison.Ordinal));

        void Digits()
        {
            while (_at < _source.Length && (char.IsAsciiDigit(_source[_at]) || (_source[_at] == '_' && _at + 1 < _source.Length && char.IsAsciiDigit(_source[_at + 1])))) _at++;
        }
    }

    private void ReadString(char quote)
    {
        int line = _line;
        var text = new StringBuilder();
        for (_at++; ; _at++)
        {
            if (_at >= _source.Length) throw Error("a text that is not closed");
            char c = _source[_at];
            if (c == quote) break;
            if (c == '\n') _line++;
            if (c == '\\') ReadEscape(text);
            else text.Append(c);
        }
        _at++;
        _tokens.Add(new TemplateToken(TemplateTokenKind.String, text.ToString(), line));
    }

    /// <summary>Python's escapes; an unknown one stands for itself, backslash and all.</summary>
    private void ReadEscape(StringBuilder text)
    {
        if (++_at >= _source.Length) throw Error("a text that is not closed");
        char c = _source[_at];
        switch (c)
        {
            case 'n': text.Append('\n'); break;
            case 't': text.Append('\t'); break;
            case 'r': text.Append('\r'); break;
            case 'a': text.Append('\a'); break;
            case 'b': text.Append('\b'); break;
            case 'f': text.Append('\f'); break;
            case 'v': text.Append('\v'); break;
            case '\\' or '\'' or '"': text.Append(c); break;
            case '\n': _line++; break;
            case 'x': AppendCode(text, 2); break;
            case 'u': AppendCode(text, 4); break;
            case 'U': AppendCode(text, 8); break;
            case >= '0' and <= '7':
                int code = 0, digits = 0;
                for (; digits < 3 && _at < _source.Length && _source[_at] is >= '0' and <= '7'; digits++) code = code * 8 + _source[_at++] - '0';
                _at--;
                text.Append((char)code);
                break;
            default: text.Append('\\').Append(c); break;
        }
    }

    private void AppendCode(StringBuilder text, int digits)
    {
        if (_at + digits >= _source.Length || !int.TryParse(_source.AsSpan(_at + 1, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int code) || code is < 0 or > 0x10FFFF)
            throw Error($"an escape without {digits} hexadecimal digits");
        _at += digits;
        if (code < 0x10000) text.Append((char)code);
        else text.Append(char.ConvertFromUtf32(code));
    }

    private void Add(TemplateTokenKind kind, string text) => _tokens.Add(new TemplateToken(kind, text, _line));

    private void CountLines(ReadOnlySpan<char> text) => _line += text.Count('\n');

    private TemplateException Error(string found) => new($"chat template, line {_line}: found {found}");
}
