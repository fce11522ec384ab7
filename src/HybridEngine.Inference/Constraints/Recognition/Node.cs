namespace HybridEngine.Inference;

/// <summary>A place in a grammar: what may come next from here. Nodes of large languages (an object's members in any order, a string of at most 10,000 characters) say it only when first asked.</summary>
internal class Node
{
    private static long s_count;

    private readonly long _id = Interlocked.Increment(ref s_count);
    private readonly Lock _gate = new();
    private Action<Node>? _expand;

    private volatile bool _expanded;

    /// <param name="expand">Fills the node when its moves are first needed, or null where whoever makes it fills it at once.</param>
    public Node(Action<Node>? expand = null) => (_expand, _expanded) = (expand, expand is null);

    /// <summary>Orders nodes, so that sets of them can be compared.</summary>
    public long Id => _id;

    /// <summary>Moves that take a byte.</summary>
    public List<(byte Low, byte High, Node Target)> Bytes { get; } = [];

    /// <summary>Moves that take nothing.</summary>
    public List<Node> Empties { get; } = [];

    /// <summary>Moves that take a text of a rule.</summary>
    public List<(Rule Rule, Node Return)> Calls { get; } = [];

    /// <summary>The rule (or, outermost, the text) may end here.</summary>
    public bool IsFinal { get; set; }

    /// <summary>Nothing but the end: a call that returns here needs no return.</summary>
    public bool IsOnlyFinal => IsFinal && _expanded && Bytes.Count == 0 && Empties.Count == 0 && Calls.Count == 0;

    /// <summary>Adds a move that takes one byte of a range.</summary>
    public void Add(byte low, byte high, Node target) => Bytes.Add((low, high, target));

    /// <summary>Makes the moves known.</summary>
    public void Expand()
    {
        if (_expanded) { return; }
        lock (_gate)
        {
            if (_expanded) { return; }
            _expand!(this);
            _expand = null;
            _expanded = true;
        }
    }
}

/// <summary>A named part of a grammar that may call itself.</summary>
internal sealed class Rule
{
    /// <summary>Where its texts begin.</summary>
    public Node Entry { get; set; } = null!;

    /// <summary>Whether the empty text is one of its texts.</summary>
    public bool IsNullable { get; set; }
}
