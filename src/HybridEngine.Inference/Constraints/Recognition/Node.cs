using System.Runtime.InteropServices;

namespace HybridEngine.Inference;

/// <summary>A place in a grammar: what may come next from here. Nodes of large languages (an object's members in any order, a string of at most 10,000 characters) say it only when first asked.</summary>
/// <remarks>Nodes belong to one <see cref="Recognizer"/>, which asks them under its lock.</remarks>
internal sealed class Node
{
    private static long s_count;

    private Action<Node>? _expand;
    private List<(byte Low, byte High, Node Target)>? _bytes;
    private List<Node>? _empties;
    private List<(Rule Rule, Node Return)>? _calls;

    /// <param name="expand">Fills the node when its moves are first needed, or null where whoever makes it fills it at once.</param>
    public Node(Action<Node>? expand = null) => _expand = expand;

    /// <summary>Orders nodes, so that sets of them can be compared.</summary>
    public long Id { get; } = Interlocked.Increment(ref s_count);

    /// <summary>Moves that take a byte.</summary>
    public ReadOnlySpan<(byte Low, byte High, Node Target)> Bytes => CollectionsMarshal.AsSpan(_bytes);

    /// <summary>Moves that take nothing.</summary>
    public ReadOnlySpan<Node> Empties => CollectionsMarshal.AsSpan(_empties);

    /// <summary>Moves that take a text of a rule.</summary>
    public ReadOnlySpan<(Rule Rule, Node Return)> Calls => CollectionsMarshal.AsSpan(_calls);

    /// <summary>The rule (or, outermost, the text) may end here.</summary>
    public bool IsFinal { get; set; }

    /// <summary>Nothing but the end: a call that returns here needs no return.</summary>
    public bool IsOnlyFinal => IsFinal && _expand is null && _bytes is null && _empties is null && _calls is null;

    /// <summary>Adds a move that takes one byte of a range.</summary>
    public void Add(byte low, byte high, Node target) => (_bytes ??= new(1)).Add((low, high, target));

    /// <summary>Adds a move that takes nothing.</summary>
    public void Add(Node target) => (_empties ??= new(1)).Add(target);

    /// <summary>Adds a move that takes a text of a rule.</summary>
    public void Add(Rule rule, Node back) => (_calls ??= new(1)).Add((rule, back));

    /// <summary>Makes the moves known.</summary>
    public void Expand()
    {
        if (_expand is not { } expand) { return; }
        _expand = null;
        expand(this);
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
