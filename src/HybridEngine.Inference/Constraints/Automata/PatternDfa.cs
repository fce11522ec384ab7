using System.Runtime.InteropServices;

namespace HybridEngine.Inference;

/// <summary>Turns patterns without anchors into automata over characters: Thompson's construction, then sets of places as states.</summary>
internal sealed class PatternDfa
{
    private readonly List<(CodePointSet? Set, int First, int Second)> _places = [];
    private readonly DfaLimit _limit;

    private PatternDfa(DfaLimit limit) => _limit = limit;

    public static Dfa Build(Pattern pattern, DfaLimit limit)
    {
        var builder = new PatternDfa(limit);
        int end = builder.Add(null, -1, -1);
        int entry = builder.Build(pattern, end);
        return builder.Determinize(entry, end);
    }

    /// <summary>A place that takes a character of a set and goes to <paramref name="first"/>, or, without a set, goes to both for nothing.</summary>
    private int Add(CodePointSet? set, int first, int second)
    {
        _limit.Spend(1, _places.Count);
        _places.Add((set, first, second));
        return _places.Count - 1;
    }

    private int Build(Pattern pattern, int next)
    {
        switch (pattern)
        {
            case EmptyPattern:
                return next;
            case SetPattern set:
                return Add(set.Characters, next, -1);
            case SequencePattern sequence:
                for (int i = sequence.Parts.Length - 1; i >= 0; i--) { next = Build(sequence.Parts[i], next); }
                return next;
            case ChoicePattern choice:
                int options = Build(choice.Options[^1], next);
                for (int i = choice.Options.Length - 2; i >= 0; i--) { options = Add(null, Build(choice.Options[i], next), options); }
                return options;
            case RepeatPattern repeat:
                return BuildRepeat(repeat, next);
            default:
                return Add(null, -1, -1);
        }
    }

    private int BuildRepeat(RepeatPattern repeat, int next)
    {
        int end = next;
        if (repeat.Max == Pattern.NoLimit)
        {
            int loop = Add(null, -1, end);
            int body = Build(repeat.Part, loop);
            _places[loop] = (null, body, end);
            next = loop;
        }

        for (int i = repeat.Min; i < repeat.Max; i++) { next = Add(null, Build(repeat.Part, next), end); }
        for (int i = 0; i < repeat.Min; i++) { next = Build(repeat.Part, next); }
        return next;
    }

    private Dfa Determinize(int entry, int end)
    {
        (int[] starts, int[] classes, CodePointSet[] sets) = Classes();
        int[] samples = new int[classes.Max() + 1];
        for (int i = 0; i < starts.Length; i++) { samples[classes[i]] = starts[i]; }
        var members = new Dictionary<CodePointSet, bool[]>();
        foreach (CodePointSet set in sets) { members[set] = [.. samples.Select(set.Contains)]; }
        return Dfa.Explore(
            starts,
            classes,
            Close([entry]),
            (places, c) =>
            {
                _limit.Spend(places.Ids.Length, 0);
                var reached = new List<int>();
                foreach (int place in places.Ids)
                {
                    if (_places[place].Set is { } set && members[set][c]) { reached.Add(_places[place].First); }
                }

                return (reached.Count > 0, Close(reached));
            },
            places => Array.BinarySearch(places.Ids, end) >= 0,
            _limit);
    }

    /// <summary>Intervals of characters that all sets agree on.</summary>
    private (int[] Starts, int[] Classes, CodePointSet[] Sets) Classes()
    {
        CodePointSet[] sets = [.. _places.Where(place => place.Set is not null).Select(place => place.Set!).Distinct()];
        var cuts = new SortedSet<int> { 0 };
        foreach (CodePointSet set in sets)
        {
            foreach ((int low, int high) in set.Ranges)
            {
                cuts.Add(low);
                if (high < 0x10FFFF) { cuts.Add(high + 1); }
            }
        }

        int[] starts = [.. cuts];
        _limit.Spend((long)starts.Length * sets.Length, 0);
        var known = new Dictionary<string, int>(StringComparer.Ordinal);
        int[] classes = new int[starts.Length];
        char[] signature = new char[sets.Length];
        for (int i = 0; i < starts.Length; i++)
        {
            for (int s = 0; s < sets.Length; s++) { signature[s] = sets[s].Contains(starts[i]) ? '1' : '0'; }
            string key = new(signature);
            if (!known.TryGetValue(key, out classes[i])) { known.Add(key, classes[i] = known.Count); }
        }

        return (starts, classes, sets);
    }

    /// <summary>The places that take characters, or end, of all that can be reached for nothing.</summary>
    private PlaceSet Close(List<int> places)
    {
        var seen = new HashSet<int>();
        var open = new Stack<int>(places);
        var kept = new List<int>();
        while (open.TryPop(out int place))
        {
            if (place < 0 || !seen.Add(place)) { continue; }
            (CodePointSet? set, int first, int second) = _places[place];
            if (set is not null || (first < 0 && second < 0)) { kept.Add(place); }
            else { open.Push(first); open.Push(second); }
        }

        _limit.Spend(seen.Count, 0);
        kept.Sort();
        return new PlaceSet([.. kept]);
    }

    private readonly record struct PlaceSet(int[] Ids)
    {
        public bool Equals(PlaceSet other) => Ids.AsSpan().SequenceEqual(other.Ids);

        public override int GetHashCode()
        {
            HashCode hash = default;
            hash.AddBytes(MemoryMarshal.AsBytes(Ids.AsSpan()));
            return hash.ToHashCode();
        }
    }
}
