namespace HybridEngine.Inference;

/// <summary>What follows the end of a rule: every place that waits for it, each with what follows in turn. One object stands for many stacks, so ambiguity does not multiply them.</summary>
internal sealed class Continuation
{
    public Continuation(long id, bool endsText, Item[] items) => (Id, EndsText, Items) = (id, endsText, items);

    public long Id { get; }

    /// <summary>The text may end with the rule.</summary>
    public bool EndsText { get; }

    /// <summary>Places to go on at, in order.</summary>
    public Item[] Items { get; }
}

/// <summary>A place in a grammar and what follows its rule.</summary>
internal readonly record struct Item(Node Node, Continuation Up) : IComparable<Item>
{
    public int CompareTo(Item other)
    {
        int byNode = Node.Id.CompareTo(other.Node.Id);
        return byNode != 0 ? byNode : Up.Id.CompareTo(other.Up.Id);
    }
}

/// <summary>Compares sets of items by their members: the key under which equal states are one object.</summary>
internal readonly struct ItemSet(Item[] items, bool flag) : IEquatable<ItemSet>
{
    private readonly Item[] _items = items;
    private readonly bool _flag = flag;

    public bool Equals(ItemSet other)
    {
        if (_flag != other._flag || _items.Length != other._items.Length) { return false; }
        for (int i = 0; i < _items.Length; i++)
        {
            if (!ReferenceEquals(_items[i].Node, other._items[i].Node) || !ReferenceEquals(_items[i].Up, other._items[i].Up)) { return false; }
        }

        return true;
    }

    public override bool Equals(object? obj) => obj is ItemSet other && Equals(other);

    public override int GetHashCode()
    {
        HashCode hash = default;
        hash.Add(_flag);
        foreach (Item item in _items) { hash.Add(item.Node.Id); hash.Add(item.Up.Id); }
        return hash.ToHashCode();
    }
}
