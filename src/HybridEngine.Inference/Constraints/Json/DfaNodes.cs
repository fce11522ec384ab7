namespace HybridEngine.Inference;

/// <summary>An automaton over characters as nodes that take bytes: UTF-8 as it is (numbers), or as the inside of a JSON string, where a character may also be written as an escape.</summary>
internal sealed class DfaNodes
{
    private const string ShortEscapes = "\"\\/bfnrt", Escaped = "\"\\/\b\f\n\r\t";

    // What cannot stand as it is between quotes.
    private static readonly CodePointSet Unquoted = CodePointSet.Of([(0, 0x1F), ('"', '"'), ('\\', '\\')]).Complement();

    // What some writer of JSON escapes. Letters and the like none does, and a model that may starts to spell names in escapes.
    private static readonly CodePointSet Escapable = CodePointSet.Of(' ', '~').Except(CodePointSet.OfCharacters("\"\\/<>&'+`")).Complement();

    private readonly Dfa _dfa;
    private readonly Node _after;
    private readonly bool _quoted;
    private readonly CodePointSet _alphabet;
    private readonly Node[] _states;
    private readonly (byte Low, byte High)[][]?[] _bytes;

    /// <param name="dfa">The texts; not empty.</param>
    /// <param name="after">What follows; a closing quote stands between.</param>
    /// <param name="quoted">Whether the text is the inside of a string.</param>
    /// <param name="alphabet">Characters that can be written as they are.</param>
    public DfaNodes(Dfa dfa, Node after, bool quoted, CodePointSet alphabet)
    {
        (_dfa, _after, _quoted, _alphabet) = (dfa, after, quoted, quoted ? alphabet.Intersect(Unquoted) : alphabet);
        _states = new Node[dfa.Count];
        _bytes = new (byte, byte)[][]?[dfa.ClassCount];
        for (int i = 0; i < _states.Length; i++)
        {
            int state = i;
            _states[i] = new Node(node => Expand(node, state));
        }
    }

    /// <summary>Before the first character.</summary>
    public Node Start => _states[0];

    private void Expand(Node node, int state)
    {
        if (_dfa.IsAccepting(state))
        {
            if (_quoted) { node.Add((byte)'"', (byte)'"', _after); }
            else { node.Add(_after); }
        }

        var tails = new Dictionary<(Node, byte, byte), Node>();
        for (int c = 0; c < _dfa.ClassCount; c++)
        {
            int target = _dfa.Next(state, c);
            if (target < 0) { continue; }
            foreach ((byte Low, byte High)[] bytes in _bytes[c] ??= [.. Utf8Ranges.Split(_dfa.ClassSets()[c].Intersect(_alphabet))])
            {
                Node next = _states[target];
                for (int i = bytes.Length - 1; i > 0; i--)
                {
                    (Node, byte, byte) key = (next, bytes[i].Low, bytes[i].High);
                    if (!tails.TryGetValue(key, out Node? tail))
                    {
                        tails.Add(key, tail = new Node());
                        tail.Add(bytes[i].Low, bytes[i].High, next);
                    }

                    next = tail;
                }

                node.Add(bytes[0].Low, bytes[0].High, next);
            }
        }

        if (_quoted && EscapedMoves(state).Any()) { node.Add((byte)'\\', (byte)'\\', new Node(escape => AddEscapes(escape, state))); }
    }

    /// <summary>Moves by characters that may be written as escapes.</summary>
    private IEnumerable<(int Target, CodePointSet Characters)> EscapedMoves(int state)
    {
        CodePointSet[] classes = _dfa.ClassSets();
        for (int c = 0; c < classes.Length; c++)
        {
            if (_dfa.Next(state, c) is var target && target >= 0 && classes[c].Intersect(Escapable) is { IsEmpty: false } characters) { yield return (target, characters); }
        }
    }

    private void AddEscapes(Node node, int state)
    {
        (int Target, CodePointSet Characters)[] moves = [.. EscapedMoves(state)];
        for (int i = 0; i < ShortEscapes.Length; i++)
        {
            foreach ((int target, CodePointSet characters) in moves)
            {
                if (characters.Contains(Escaped[i])) { node.Add((byte)ShortEscapes[i], (byte)ShortEscapes[i], _states[target]); }
            }
        }

        node.Add((byte)'u', (byte)'u', new Node(digits => AddHex(digits, moves, high: 0, value: 0, digit: 0)));
    }

    /// <summary>Hexadecimal digits after \u: those that can still become a character that may stand here, or the halves of one.</summary>
    private void AddHex(Node node, (int Target, CodePointSet Characters)[] moves, int high, int value, int digit)
    {
        int span = 1 << (4 * (3 - digit));
        for (int hex = 0; hex < 16; hex++)
        {
            int low = (value << 4 | hex) * span, last = low + span - 1;
            if (!Leads(moves, high, low, last)) { continue; }
            int now = value << 4 | hex;
            if (digit < 3) { AddDigit(node, hex, new Node(next => AddHex(next, moves, high, now, digit + 1))); }
            else if (high == 0 && now is >= 0xD800 and < 0xDC00) { AddDigit(node, hex, LowHalf(moves, now)); }
            else
            {
                int character = high == 0 ? now : char.ConvertToUtf32((char)high, (char)now);
                foreach ((int target, CodePointSet characters) in moves)
                {
                    if (characters.Contains(character)) { AddDigit(node, hex, _states[target]); }
                }
            }
        }
    }

    private Node LowHalf((int, CodePointSet)[] moves, int high)
    {
        Node slash = new(), letter = new();
        slash.Add((byte)'\\', (byte)'\\', letter);
        letter.Add((byte)'u', (byte)'u', new Node(digits => AddHex(digits, moves, high, value: 0, digit: 0)));
        return slash;
    }

    /// <summary>Whether some unit of a range is a character that may stand here, or half of one.</summary>
    private static bool Leads((int Target, CodePointSet Characters)[] moves, int high, int low, int last)
    {
        foreach ((_, CodePointSet characters) in moves)
        {
            if (high != 0)
            {
                int from = Math.Max(low, 0xDC00), to = Math.Min(last, 0xDFFF);
                if (from <= to && characters.Overlaps(char.ConvertToUtf32((char)high, (char)from), char.ConvertToUtf32((char)high, (char)to))) { return true; }
                continue;
            }

            if (characters.Overlaps(low, last)) { return true; }
            int first = Math.Max(low, 0xD800), end = Math.Min(last, 0xDBFF);
            if (first <= end && characters.Overlaps(0x10000 + ((first - 0xD800) << 10), 0x10000 + ((end - 0xD800) << 10) + 0x3FF)) { return true; }
        }

        return false;
    }

    private static void AddDigit(Node node, int hex, Node next)
    {
        if (hex < 10)
        {
            node.Add((byte)('0' + hex), (byte)('0' + hex), next);
            return;
        }

        node.Add((byte)('a' + hex - 10), (byte)('a' + hex - 10), next);
        node.Add((byte)('A' + hex - 10), (byte)('A' + hex - 10), next);
    }
}
