namespace HybridEngine.Inference;

/// <summary>
/// Follows texts, byte by byte, through a grammar: an automaton whose states are made when first reached. Exact for every context-free grammar without left recursion.
/// May be used by several threads. Memory is bounded: beyond a budget, states are forgotten and found again.
/// </summary>
internal sealed class Recognizer
{
    /// <summary>States and their tables of moves in bytes, at most, before they are forgotten.</summary>
    public const long DefaultBudget = 64L << 20;

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
            foreach (Item item in state.Items)
            {
                foreach ((byte low, byte high, Node target) in item.Node.Bytes)
                {
                    if (low <= value && value <= high) { _closure.Add(target, item.Up); }
                }
            }

            RecognizerState found = Intern();
            Volatile.Write(ref state.Next[value], found);
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
