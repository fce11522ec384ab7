namespace HybridEngine.Inference;

/// <summary>From places just reached to the places that take the next byte: moves that take nothing, calls of rules and returns from them. Not for several threads.</summary>
/// <remarks>
/// All calls of one rule at one point of the text share one entry, whose continuation collects every caller. It is finished when all is walked:
/// without left recursion no rule waits for itself, so callers can be finished before those they call.
/// </remarks>
internal sealed class Closure
{
    private readonly List<(Node Node, object Up)> _open = [];
    private readonly HashSet<(Node, object)> _seen = [];
    private readonly List<(Node Node, object Up)> _taking = [];
    private readonly Dictionary<Rule, Pending> _calls = [];
    private Dictionary<ItemSet, Continuation> _known = [];
    private long _count;
    private bool _accepting;

    /// <summary>The end of the text.</summary>
    public Continuation Outermost { get; } = new(0, true, []);

    public void Clear()
    {
        _open.Clear();
        _seen.Clear();
        _taking.Clear();
        _calls.Clear();
        _accepting = false;
    }

    /// <summary>Forgets continuations that no state holds any more.</summary>
    public void Forget() => _known = [];

    public void Add(Node node, object up)
    {
        if (_seen.Add((node, up))) { _open.Add((node, up)); }
    }

    /// <summary>Walks from everything added.</summary>
    /// <returns>Places that take bytes, sorted, and whether the text may end.</returns>
    public (Item[] Items, bool Accepting) Run()
    {
        while (_open.Count > 0)
        {
            (Node node, object up) = _open[^1];
            _open.RemoveAt(_open.Count - 1);
            Visit(node, up);
        }

        if (_taking.Count == 0) { return ([], _accepting); }
        var items = new Item[_taking.Count];
        for (int i = 0; i < items.Length; i++) { items[i] = new Item(_taking[i].Node, Finished(_taking[i].Up)); }
        if (items.Length == 1) { return (items, _accepting); }
        Array.Sort(items);
        return (Distinct(items), _accepting);
    }

    private void Visit(Node node, object up)
    {
        node.Expand();
        if (node.Bytes.Length > 0) { _taking.Add((node, up)); }
        foreach (Node target in node.Empties) { Add(target, up); }
        foreach ((Rule rule, Node back) in node.Calls)
        {
            if (!_calls.TryGetValue(rule, out Pending? call))
            {
                call = new Pending();
                _calls.Add(rule, call);
                Add(rule.Entry, call);
            }

            call.Callers.Add((back, up));
            if (rule.IsNullable) { Add(back, up); }
        }

        // The end of a rule that was entered right here: the call has already gone on past it, being nullable.
        if (!node.IsFinal || up is not Continuation continuation) { return; }
        _accepting |= continuation.EndsText;
        foreach (Item item in continuation.Items) { Add(item.Node, item.Up); }
    }

    private Continuation Finished(object up)
    {
        if (up is Continuation known) { return known; }
        // Callers first, with a stack of our own: a chain of rules may be long.
        var path = new Stack<Pending>();
        path.Push((Pending)up);
        while (path.TryPeek(out Pending? call))
        {
            if (call.Result is null && NextUnfinished(call) is { } caller)
            {
                path.Push(caller);
                continue;
            }

            call.Result ??= Finish(call);
            path.Pop();
        }

        return ((Pending)up).Result!;
    }

    private static Pending? NextUnfinished(Pending call)
    {
        while (call.Checked < call.Callers.Count)
        {
            if (call.Callers[call.Checked].Up is Pending { Result: null } caller) { return caller; }
            call.Checked++;
        }

        return null;
    }

    private Continuation Finish(Pending call)
    {
        bool endsText = false;
        var items = new List<Item>(call.Callers.Count);
        foreach ((Node back, object up) in call.Callers)
        {
            Continuation above = up as Continuation ?? ((Pending)up).Result!;
            if (back.IsOnlyFinal)
            {
                // A call in last place: return to the caller's callers, so that a list written as a rule that ends with itself needs no stack.
                endsText |= above.EndsText;
                items.AddRange(above.Items);
            }
            else
            {
                items.Add(new Item(back, above));
            }
        }

        if (items.Count == 0 && endsText) { return Outermost; }
        items.Sort();
        Item[] distinct = Distinct([.. items]);
        var key = new ItemSet(distinct, endsText);
        if (!_known.TryGetValue(key, out Continuation? known)) { _known.Add(key, known = new Continuation(++_count, endsText, distinct)); }
        return known;
    }

    private static Item[] Distinct(Item[] sorted)
    {
        int kept = 1;
        for (int i = 1; i < sorted.Length; i++)
        {
            if (sorted[i] != sorted[kept - 1]) { sorted[kept++] = sorted[i]; }
        }

        return kept >= sorted.Length ? sorted : sorted[..kept];
    }

    /// <summary>A rule called at this point of the text, and by whom.</summary>
    private sealed class Pending
    {
        public List<(Node Back, object Up)> Callers { get; } = [];

        public int Checked { get; set; }

        public Continuation? Result { get; set; }
    }
}
