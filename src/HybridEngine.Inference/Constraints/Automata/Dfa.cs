namespace HybridEngine.Inference;

/// <summary>A deterministic automaton over characters, of which every state can still accept. Regular languages that are combined (both, either, not) are kept as these.</summary>
internal sealed class Dfa
{
    /// <summary>No move.</summary>
    public const int None = -1;

    private readonly int[] _starts;
    private readonly int[] _classes;
    private readonly int[] _next;
    private readonly bool[] _accepts;
    private CodePointSet[]? _classSets;

    /// <param name="starts">First code points of intervals, from 0 upward.</param>
    /// <param name="classes">The class of each interval: characters that no state tells apart.</param>
    /// <param name="classCount">Classes.</param>
    /// <param name="next">State by (state, class), or <see cref="None"/>.</param>
    /// <param name="accepts">Whether a text may end in a state.</param>
    private Dfa(int[] starts, int[] classes, int classCount, int[] next, bool[] accepts) =>
        (_starts, _classes, ClassCount, _next, _accepts) = (starts, classes, classCount, next, accepts);

    /// <summary>No text at all.</summary>
    public static Dfa Empty { get; } = new([0], [0], 1, [], []);

    /// <summary>States; the first is where texts begin. None where the language is empty.</summary>
    public int Count => _accepts.Length;

    public bool IsEmpty => Count == 0;

    /// <summary>Classes of characters that no state tells apart.</summary>
    public int ClassCount { get; }

    public bool IsAccepting(int state) => state >= 0 && _accepts[state];

    public int Next(int state, int characterClass) => state < 0 ? None : _next[state * ClassCount + characterClass];

    /// <summary>The characters of each class.</summary>
    public CodePointSet[] ClassSets()
    {
        if (_classSets is not null) { return _classSets; }
        var ranges = new List<(int, int)>[ClassCount];
        for (int i = 0; i < ClassCount; i++) { ranges[i] = []; }
        for (int i = 0; i < _starts.Length; i++) { ranges[_classes[i]].Add((_starts[i], i + 1 < _starts.Length ? _starts[i + 1] - 1 : 0x10FFFF)); }
        return _classSets = [.. ranges.Select(CodePointSet.Of)];
    }

    /// <summary>Whether a text is in the language.</summary>
    public bool Accepts(string text)
    {
        int state = IsEmpty ? None : 0;
        foreach (System.Text.Rune rune in text.EnumerateRunes()) { state = Next(state, ClassOf(rune.Value)); }
        return IsAccepting(state);
    }

    /// <summary>All words, or null where there are more than a number.</summary>
    public List<string>? Words(int most)
    {
        var words = new List<string>();
        var path = new List<int>();
        bool Walk(int state)
        {
            // A word as long as the automaton has states repeats one: there is no end of words.
            if (path.Count > Count) { return false; }
            if (_accepts[state])
            {
                if (words.Count == most) { return false; }
                words.Add(string.Concat(path.Select(char.ConvertFromUtf32)));
            }

            for (int c = 0; c < ClassCount; c++)
            {
                int target = Next(state, c);
                if (target < 0) { continue; }
                foreach ((int low, int high) in ClassSets()[c].Ranges.ToArray())
                {
                    if (high - low >= most) { return false; }
                    for (int character = low; character <= high; character++)
                    {
                        path.Add(character);
                        if (!Walk(target)) { return false; }
                        path.RemoveAt(path.Count - 1);
                    }
                }
            }

            return true;
        }

        // Deep automata hold long words; those lists are not worth having.
        return IsEmpty ? words : Count > 2000 || !Walk(0) ? null : words;
    }

    public Dfa Intersect(Dfa other, DfaLimit limit) => Combine(this, other, (a, b) => a && b, limit);

    public Dfa Union(Dfa other, DfaLimit limit) => IsEmpty ? other : other.IsEmpty ? this : Combine(this, other, (a, b) => a || b, limit);

    public Dfa Except(Dfa other, DfaLimit limit) => other.IsEmpty ? this : Combine(this, other, (a, b) => a && !b, limit);

    /// <summary>An automaton by its moves.</summary>
    /// <param name="starts">First code points of the intervals, from 0.</param>
    /// <param name="classes">Their classes.</param>
    /// <param name="start">Where texts begin.</param>
    /// <param name="step">Where a class leads: (moves?, state).</param>
    /// <param name="accepts">Whether a text may end.</param>
    /// <param name="limit">How large it may get.</param>
    public static Dfa Explore<T>(int[] starts, int[] classes, T start, Func<T, int, (bool Moves, T Next)> step, Func<T, bool> accepts, DfaLimit limit) where T : notnull
    {
        int classCount = classes.Max() + 1;
        var ids = new Dictionary<T, int> { [start] = 0 };
        var states = new List<T> { start };
        var next = new List<int>();
        for (int state = 0; state < states.Count; state++)
        {
            limit.Spend(classCount, states.Count);
            for (int c = 0; c < classCount; c++)
            {
                (bool moves, T target) = step(states[state], c);
                if (!moves)
                {
                    next.Add(None);
                    continue;
                }

                if (!ids.TryGetValue(target, out int id))
                {
                    ids.Add(target, id = states.Count);
                    states.Add(target);
                }

                next.Add(id);
            }
        }

        return Trim(starts, classes, classCount, [.. next], [.. states.Select(accepts)]);
    }

    private int ClassOf(int codePoint)
    {
        int at = Array.BinarySearch(_starts, codePoint);
        return _classes[at >= 0 ? at : ~at - 1];
    }

    private static Dfa Combine(Dfa a, Dfa b, Func<bool, bool, bool> accepts, DfaLimit limit)
    {
        int[] starts = [.. a._starts.Concat(b._starts).Distinct().Order()];
        var pairs = new Dictionary<(int, int), int>();
        int[] classes = [.. starts.Select(start =>
        {
            (int, int) pair = (a.ClassOf(start), b.ClassOf(start));
            if (!pairs.TryGetValue(pair, out int id)) { pairs.Add(pair, id = pairs.Count); }
            return id;
        })];
        (int A, int B)[] ofClass = [.. pairs.OrderBy(pair => pair.Value).Select(pair => pair.Key)];
        return Explore(
            starts,
            classes,
            (A: a.IsEmpty ? None : 0, B: b.IsEmpty ? None : 0),
            (state, c) =>
            {
                (int A, int B) target = (a.Next(state.A, ofClass[c].A), b.Next(state.B, ofClass[c].B));
                return (target != (None, None), target);
            },
            state => accepts(a.IsAccepting(state.A), b.IsAccepting(state.B)),
            limit);
    }

    /// <summary>Without states that cannot accept any more, and with as few classes as tell states apart.</summary>
    private static Dfa Trim(int[] starts, int[] classes, int classCount, int[] next, bool[] accepts)
    {
        int[] renamed = Live(classCount, next, accepts);
        int count = renamed.Count(id => id >= 0);
        if (count == 0 || renamed[0] < 0) { return Empty; }
        var columns = new Dictionary<string, int>(StringComparer.Ordinal);
        int[] columnOf = new int[classCount];
        var kept = new List<int>();
        char[] column = new char[2 * count];
        for (int c = 0; c < classCount; c++)
        {
            for (int state = 0; state < accepts.Length; state++)
            {
                if (renamed[state] < 0) { continue; }
                int target = next[state * classCount + c];
                target = target < 0 ? None : renamed[target];
                (column[2 * renamed[state]], column[2 * renamed[state] + 1]) = ((char)(target & 0xFFFF), (char)(target >> 16));
            }

            string key = new(column);
            if (!columns.TryGetValue(key, out columnOf[c]))
            {
                columns.Add(key, columnOf[c] = kept.Count);
                kept.Add(c);
            }
        }

        int[] table = new int[count * kept.Count];
        bool[] ends = new bool[count];
        for (int state = 0; state < accepts.Length; state++)
        {
            if (renamed[state] < 0) { continue; }
            ends[renamed[state]] = accepts[state];
            for (int c = 0; c < kept.Count; c++)
            {
                int target = next[state * classCount + kept[c]];
                table[renamed[state] * kept.Count + c] = target < 0 ? None : renamed[target];
            }
        }

        return new Dfa(starts, [.. classes.Select(c => columnOf[c])], kept.Count, table, ends);
    }

    /// <summary>New numbers of the states that can still accept, in order; -1 for the others.</summary>
    private static int[] Live(int classCount, int[] next, bool[] accepts)
    {
        int count = accepts.Length;
        var before = new List<int>[count];
        for (int i = 0; i < next.Length; i++)
        {
            if (next[i] >= 0) { (before[next[i]] ??= []).Add(i / classCount); }
        }

        int[] renamed = new int[count];
        Array.Fill(renamed, -1);
        var open = new Stack<int>();
        for (int state = 0; state < count; state++)
        {
            if (accepts[state]) { renamed[state] = 0; open.Push(state); }
        }

        while (open.TryPop(out int state))
        {
            foreach (int from in before[state] ?? [])
            {
                if (renamed[from] < 0) { renamed[from] = 0; open.Push(from); }
            }
        }

        int live = 0;
        for (int state = 0; state < count; state++)
        {
            if (renamed[state] >= 0) { renamed[state] = live++; }
        }

        return renamed;
    }
}
