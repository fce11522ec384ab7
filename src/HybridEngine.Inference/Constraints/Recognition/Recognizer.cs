namespace HybridEngine.Inference;

/// <summary>
/// Follows texts, byte by byte, through a grammar: an automaton whose states are made when first reached. Exact for every context-free grammar without left recursion.
/// May be used by several threads. Memory is bounded: beyond a budget, states are forgotten and found again.
/// </summary>
internal sealed class Recognizer
{
    /// <summary>States and their tables of moves in bytes, at most, before they are forgotten.</summary>
    public const long DefaultBudget = 256L << 20;

    /// <summary>A run that has no end, or one longer than any token is worth being looked at for.</summary>
    public const int EndlessRun = 256;

    private const int StateBytes = 200, ItemBytes = 32, TableBytes = 256 * 8 + 24;

    private readonly Lock _gate = new();
    private readonly Node _entry;
    private readonly long _budget;
    private readonly Closure _closure = new();
    private Dictionary<ItemSet, RecognizerState> _states = [];
    private long _used;
    private RecognizerState _start;

    public Recognizer(Node entry, long budget = DefaultBudget)
    {
        (_entry, _budget) = (entry, budget);
        _start = MakeStart();
    }

    /// <summary>Before the first byte. <see cref="RecognizerState.Dead"/> where no text is in the language.</summary>
    public RecognizerState Start
    {
        get
        {
            lock (_gate) { return _start; }
        }
    }

    /// <summary>How often states were forgotten.</summary>
    public int Forgotten { get; private set; }

    /// <summary>Where a byte leads.</summary>
    public RecognizerState Step(RecognizerState state, byte value) => state.Next is { } next && Volatile.Read(ref next[value]) is { } known ? known : Find(state, value);

    /// <summary>Where bytes lead.</summary>
    public RecognizerState Step(RecognizerState state, ReadOnlySpan<byte> bytes)
    {
        foreach (byte value in bytes)
        {
            if (state.Items.Length == 0) { return RecognizerState.Dead; }
            state = Step(state, value);
        }

        return state;
    }

    /// <summary>Finds <see cref="RecognizerState.Run"/>: inside a string, or in a stretch of letters that a pattern counts, one byte is as good as another.</summary>
    public void FindRun(RecognizerState state)
    {
        var path = new Stack<(RecognizerState State, byte Kinds, RecognizerState Next)>();
        RecognizerState at = state;
        while (at.Run < 0)
        {
            (byte kinds, RecognizerState? next) = SameMoves(at);
            // Kinds first: who sees a run must see its kinds.
            at.RunKinds = kinds;
            if (ReferenceEquals(next, at)) { at.Run = EndlessRun; }
            else if (next is null) { at.Run = 0; }
            else if (path.Count == EndlessRun) { at.Run = 1; }
            else
            {
                path.Push((at, kinds, next));
                at = next;
            }
        }

        while (path.TryPop(out (RecognizerState State, byte Kinds, RecognizerState Next) step))
        {
            step.State.Run = (step.Kinds & ~step.Next.RunKinds) == 0 ? Math.Min(EndlessRun, step.Next.Run + 1) : 1;
        }
    }

    /// <summary>The place where most kinds of bytes lead, each with all of its bytes, and those kinds.</summary>
    private (byte Kinds, RecognizerState? Next) SameMoves(RecognizerState state)
    {
        Span<RecognizerState?> targets = [null, null, null, null, null, null, null, null];
        for (int bit = 0; bit < 8; bit++)
        {
            RecognizerState target = Step(state, ByteKinds.Members[bit][0]);
            bool all = !ReferenceEquals(target, RecognizerState.Dead);
            foreach (byte value in ByteKinds.Members[bit]) { all = all && ReferenceEquals(Step(state, value), target); }
            targets[bit] = all ? target : null;
        }

        (byte most, RecognizerState? next) = (0, null);
        for (int bit = 0; bit < 8; bit++)
        {
            byte kinds = 0;
            for (int other = 0; other < 8 && targets[bit] is not null; other++) { kinds |= ReferenceEquals(targets[bit], targets[other]) ? (byte)(1 << other) : (byte)0; }
            if (System.Numerics.BitOperations.PopCount(kinds) > System.Numerics.BitOperations.PopCount(most)) { (most, next) = (kinds, targets[bit]); }
        }

        return (most, next);
    }

    /// <summary>Counts memory that is kept with a state.</summary>
    public void Charge(long bytes)
    {
        lock (_gate) { ChargeHere(bytes); }
    }

    private RecognizerState Find(RecognizerState state, byte value)
    {
        if (state.Items.Length == 0) { return RecognizerState.Dead; }
        lock (_gate)
        {
            if (state.Next is null)
            {
                ChargeHere(TableBytes);
                state.Next = new RecognizerState?[256];
            }

            if (state.Next[value] is { } known) { return known; }
            _closure.Clear();
            // All bytes around this one that take the same moves lead to the same place.
            (int first, int last) = (0, 255);
            foreach (Item item in state.Items)
            {
                foreach ((byte low, byte high, Node target) in item.Node.Bytes)
                {
                    if (high < value) { first = Math.Max(first, high + 1); }
                    else if (low > value) { last = Math.Min(last, low - 1); }
                    else
                    {
                        (first, last) = (Math.Max(first, low), Math.Min(last, high));
                        _closure.Add(target, item.Up);
                    }
                }
            }

            RecognizerState found = Intern();
            for (int same = first; same <= last; same++) { Volatile.Write(ref state.Next[same], found); }
            return found;
        }
    }

    private RecognizerState MakeStart()
    {
        _closure.Clear();
        _closure.Add(_entry, _closure.Outermost);
        return Intern();
    }

    private RecognizerState Intern()
    {
        (Item[] items, bool accepting) = _closure.Run();
        if (items.Length == 0 && !accepting) { return RecognizerState.Dead; }
        var key = new ItemSet(items, accepting);
        if (_states.TryGetValue(key, out RecognizerState? known)) { return known; }
        ChargeHere(StateBytes + ItemBytes * items.Length);
        return _states[key] = new RecognizerState(items, accepting);
    }

    private void ChargeHere(long bytes)
    {
        _used += bytes;
        if (_used <= _budget) { return; }
        // Completions under way keep the states they stand in; all that grows from there is new.
        _used = 0;
        _states = [];
        _closure.Forget();
        Forgotten++;
        if (_start is not null) { _start = new RecognizerState(_start.Items, _start.IsAccepting); }
    }
}
