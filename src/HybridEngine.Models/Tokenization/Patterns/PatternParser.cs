using System.Globalization;

namespace HybridEngine.Models;

/// <summary>What a pattern asks for and is not implemented, or what is wrong with it.</summary>
internal sealed class PatternException(string message) : Exception(message);

/// <summary>Parses a regular expression in Oniguruma's Ruby syntax, the one of tokenizer.json: <c>^</c> and <c>$</c> are about lines, <c>++</c> is possessive.</summary>
/// <remarks>Without back-references, captures, recursion and conditions, which no tokenizer uses; they are refused by name.</remarks>
internal sealed partial class PatternParser
{
    private const int DeepestNesting = 100, MostRepeats = 1000, End = -1;

    private readonly int[] _codes;
    private int _at;
    private int _depth;
    private bool _ignoreCase;
    private bool _dotIsAll;

    private PatternParser(string pattern) => _codes = CodePoints.Of(pattern);

    /// <exception cref="PatternException">The pattern is broken, or asks for what is not implemented.</exception>
    public static PatternNode Parse(string pattern)
    {
        var parser = new PatternParser(pattern);
        PatternNode node = parser.ParseChoice();
        return parser._at == parser._codes.Length ? node : throw new PatternException("a ) without its (");
    }

    private int Next => _at < _codes.Length ? _codes[_at] : End;

    private PatternNode ParseChoice()
    {
        if (++_depth > DeepestNesting) throw new PatternException($"more than {DeepestNesting} groups in one another");
        bool ignoreCase = _ignoreCase, dotIsAll = _dotIsAll;
        var items = new List<PatternNode> { ParseSequence() };
        while (Take('|')) items.Add(ParseSequence());
        (_ignoreCase, _dotIsAll) = (ignoreCase, dotIsAll);
        _depth--;
        return items.Count == 1 ? items[0] : new ChoiceNode(items);
    }

    private SequenceNode ParseSequence()
    {
        var items = new List<PatternNode>();
        while (Next is not (End or '|' or ')'))
        {
            if (ParseAtom() is not { } item) continue;
            while (TryRepeat(item, out PatternNode repeated)) item = repeated;
            items.Add(item);
        }
        return new SequenceNode(items);
    }

    private PatternNode? ParseAtom()
    {
        int code = _codes[_at++];
        switch (code)
        {
            case '(': return ParseGroup();
            case '[': return new CharacterNode(Case(ParseClass()));
            case '.': return new CharacterNode(_dotIsAll ? new CharacterSet(_ => true) : new CharacterSet(other => other != '\n'));
            case '^': return new PlaceNode(Place.LineStart);
            case '$': return new PlaceNode(Place.LineEnd);
            case '*' or '+' or '?': throw new PatternException($"a {(char)code} with nothing before it");
            case '\\' when Next is 'A' or 'z' or 'Z' or 'b' or 'B':
                return new PlaceNode(_codes[_at++] switch
                {
                    'A' => Place.TextStart,
                    'z' => Place.TextEnd,
                    'Z' => Place.TextEndOrLastLineBreak,
                    'b' => Place.WordEdge,
                    _ => Place.NotWordEdge,
                });
            case '\\': return new CharacterNode(Case(ParseEscape(inClass: false).Set));
            default: return new CharacterNode(Case(CharacterSet.Of(code)));
        }
    }

    private PatternNode? ParseGroup()
    {
        if (!Take('?')) return Closed(ParseChoice());
        if (Take('#'))
        {
            while (Next is not (End or ')')) _at++;
            Expect(')');
            return null;
        }
        if (Take(':')) return Closed(ParseChoice());
        if (Take('=')) return Closed(new LookNode(ParseChoice(), Negative: false, Behind: false));
        if (Take('!')) return Closed(new LookNode(ParseChoice(), Negative: true, Behind: false));
        if (Take('>')) return Closed(new AtomicNode(ParseChoice()));
        if (Take('<'))
        {
            if (Next is '=' or '!')
            {
                bool negative = _codes[_at++] == '!';
                PatternNode item = ParseChoice();
                return item.FixedLength >= 0 ? Closed(new LookNode(item, negative, Behind: true)) : throw new PatternException("a look behind of varying length");
            }
            while (Next is not (End or '>')) _at++;
            Expect('>');
            return Closed(ParseChoice());
        }
        return ParseFlags();
    }

    /// <summary><c>(?i:...)</c>, or <c>(?i)</c> for the rest of the group.</summary>
    private PatternNode? ParseFlags()
    {
        bool on = true, ignoreCase = _ignoreCase, dotIsAll = _dotIsAll;
        for (; Next is not (':' or ')'); _at++)
        {
            switch (Next)
            {
                case '-': on = false; break;
                case 'i': ignoreCase = on; break;
                case 'm': dotIsAll = on; break;
                default: throw new PatternException($"the group (?{(Next == End ? "" : char.ConvertFromUtf32(Next))}");
            }
        }
        bool scoped = _codes[_at++] == ':', ignoredCase = _ignoreCase, dotWasAll = _dotIsAll;
        (_ignoreCase, _dotIsAll) = (ignoreCase, dotIsAll);
        if (!scoped) return null;
        PatternNode inner = Closed(ParseChoice());
        (_ignoreCase, _dotIsAll) = (ignoredCase, dotWasAll);
        return inner;
    }

    private bool TryRepeat(PatternNode item, out PatternNode repeated)
    {
        repeated = item;
        int from = _at, least, most = int.MaxValue;
        bool counted = false;
        if (Take('*')) least = 0;
        else if (Take('+')) least = 1;
        else if (Take('?')) (least, most) = (0, 1);
        else if (Next == '{' && TryCount(out least, out most)) counted = true;
        else
        {
            _at = from;
            return false;
        }
        if (least > most || least > MostRepeats || (most > MostRepeats && most != int.MaxValue)) throw new PatternException($"a repetition of more than {MostRepeats}, or of less than its least");
        // After a count, a plus repeats the count: Ruby has no possessive counts.
        Greed greed = Take('?') ? Greed.Lazy : !counted && Take('+') ? Greed.Possessive : Greed.Greedy;
        if (item is LookNode or PlaceNode) throw new PatternException("an assertion that is repeated");
        repeated = new RepeatNode(item, least, most, greed);
        return true;
    }

    /// <summary><c>{2}</c>, <c>{2,}</c>, <c>{,3}</c> or <c>{2,3}</c>; anything else in braces is text.</summary>
    private bool TryCount(out int least, out int most)
    {
        int close = Array.IndexOf(_codes, '}', _at);
        (least, most) = (0, int.MaxValue);
        if (close < 0 || close - _at > 12) return false;
        string[] parts = string.Concat(_codes[(_at + 1)..close].Select(char.ConvertFromUtf32)).Split(',');
        if (parts.Length > 2 || (parts.Length == 2 && parts[0].Length + parts[1].Length == 0)) return false;
        if (parts[0].Length > 0 || parts.Length == 1)
        {
            if (!int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out least)) return false;
        }
        if (parts.Length == 1) most = least;
        else if (parts[1].Length > 0 && !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out most)) return false;
        _at = close + 1;
        return true;
    }

    private CharacterSet Case(CharacterSet set) => _ignoreCase ? set.IgnoringCase() : set;

    private PatternNode Closed(PatternNode node)
    {
        Expect(')');
        return node;
    }

    private bool Take(char wanted)
    {
        if (Next != wanted) return false;
        _at++;
        return true;
    }

    private void Expect(char wanted)
    {
        if (!Take(wanted)) throw new PatternException($"no {wanted} at its end");
    }
}
