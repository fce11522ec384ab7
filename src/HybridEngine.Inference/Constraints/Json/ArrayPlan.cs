using System.Globalization;
using HybridEngine.Core;

namespace HybridEngine.Inference;

/// <summary>An array shape as states between items: where an item leads, by what holds of it, and where the array may end.</summary>
internal sealed class ArrayPlan
{
    private const int MostStates = 100_000, MostCounts = 4;

    private readonly List<(int Value, int Target)>[] _moves;
    private readonly bool[] _ends;

    private ArrayPlan(List<(int, int)>[] moves, bool[] ends) => (_moves, _ends) = (moves, ends);

    /// <summary>The items that may come in a state, by value, and where each leads. The first state is that of the empty array.</summary>
    public IReadOnlyList<(int Value, int Target)> Moves(int state) => _moves[state];

    public bool MayEnd(int state) => _ends[state];

    /// <summary>Writes a shape as states.</summary>
    /// <param name="shape">The shape.</param>
    /// <param name="value">Numbers what holds of an item.</param>
    public static ArrayPlan Make(ArrayShape shape, Func<LiteralSet, int> value)
    {
        if (shape.Counts.Count > MostCounts) { throw new UnsupportedException("json_schema", "contains this often for one array", MostCounts.ToString(CultureInfo.InvariantCulture)); }
        int steady = shape.Counts.Aggregate(Math.Max(shape.Prefix.Count, shape.Min), (most, count) => Math.Max(most, count.From));
        var ids = new Dictionary<State, int>();
        var states = new List<State>();
        var moves = new List<List<(int, int)>>();
        int Id(State state)
        {
            if (!ids.TryGetValue(state, out int id))
            {
                ids.Add(state, id = states.Count);
                states.Add(state);
                if (states.Count > MostStates) { throw new UnsupportedException("json_schema", "minItems or maxItems this large", $"up to {MostStates.ToString("N0", CultureInfo.InvariantCulture)} items"); }
            }

            return id;
        }

        Id(new State(0, 0, 0, 0, 0));
        for (int at = 0; at < states.Count; at++)
        {
            State state = states[at];
            var next = new List<(int, int)>();
            moves.Add(next);
            if (state.Index >= shape.Max) { continue; }
            int index = shape.Max == int.MaxValue ? Math.Min(state.Index + 1, steady) : state.Index + 1;
            foreach ((LiteralSet item, State target) in Items(shape, state)) { next.Add((value(item), Id(target with { Index = index }))); }
        }

        return new ArrayPlan([.. moves], [.. states.Select(state => state.Index >= shape.Min && shape.Counts.Select((count, i) => state.Count(i) >= count.Min).All(enough => enough))]);
    }

    /// <summary>Whether an array can be finished with items that have values.</summary>
    public bool IsInhabited(Func<int, bool> inhabited) => Live(inhabited)[0];

    /// <summary>Takes away items that no value fits, and those that lead nowhere.</summary>
    public void Trim(Func<int, bool> inhabited)
    {
        bool[] live = Live(inhabited);
        foreach (List<(int Value, int Target)> moves in _moves) { moves.RemoveAll(move => !inhabited(move.Value) || !live[move.Target]); }
    }

    private bool[] Live(Func<int, bool> inhabited)
    {
        var before = new List<int>[_ends.Length];
        for (int state = 0; state < _moves.Length; state++)
        {
            foreach ((int value, int target) in _moves[state])
            {
                if (inhabited(value)) { (before[target] ??= []).Add(state); }
            }
        }

        bool[] live = [.. _ends];
        var open = new Stack<int>(Enumerable.Range(0, live.Length).Where(state => live[state]));
        while (open.TryPop(out int state))
        {
            foreach (int from in before[state] ?? [])
            {
                if (live[from]) { continue; }
                live[from] = true;
                open.Push(from);
            }
        }

        return live;
    }

    /// <summary>What the next item may be, for each way to count it.</summary>
    private static List<(LiteralSet Item, State Target)> Items(ArrayShape shape, State state)
    {
        List<(LiteralSet Item, State Target)> items = [(shape.At(state.Index), state)];
        for (int i = 0; i < shape.Counts.Count; i++)
        {
            ItemCount count = shape.Counts[i];
            if (state.Index < count.From) { continue; }
            int known = state.Count(i), most = count.Max == int.MaxValue ? count.Min : count.Max;
            var both = new List<(LiteralSet, State)>();
            foreach ((LiteralSet item, State target) in items)
            {
                both.Add((count.Other is null ? item : item.And(count.Other), target));
                if (known < most) { both.Add((item.And(count.Kind), target.With(i, known + 1))); }
            }

            items = both;
        }

        return items;
    }

    private readonly record struct State(int Index, int A, int B, int C, int D)
    {
        public int Count(int i) => i switch { 0 => A, 1 => B, 2 => C, _ => D };

        public State With(int i, int count) => i switch { 0 => this with { A = count }, 1 => this with { B = count }, 2 => this with { C = count }, _ => this with { D = count } };
    }
}
