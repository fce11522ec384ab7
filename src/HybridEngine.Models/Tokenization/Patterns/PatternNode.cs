namespace HybridEngine.Models;

/// <summary>A part of a parsed pattern.</summary>
internal abstract record PatternNode
{
    /// <summary>Whether it can match nothing.</summary>
    public abstract bool IsNullable { get; }

    /// <summary>Whether a match may begin with a character; a part that can match nothing may begin with any.</summary>
    public abstract bool CanStart(int code);

    /// <summary>How many characters every match has, or -1 where matches differ.</summary>
    public virtual int FixedLength => -1;
}

/// <summary>One character of a set.</summary>
internal sealed record CharacterNode(CharacterSet Set) : PatternNode
{
    public override bool IsNullable => false;

    public override int FixedLength => 1;

    public override bool CanStart(int code) => Set.Contains(code);
}

/// <summary>Parts one after the other.</summary>
internal sealed record SequenceNode(IReadOnlyList<PatternNode> Items) : PatternNode
{
    public override bool IsNullable => Items.All(item => item.IsNullable);

    public override int FixedLength => Items.Any(item => item.FixedLength < 0) ? -1 : Items.Sum(item => item.FixedLength);

    public override bool CanStart(int code)
    {
        foreach (PatternNode item in Items)
        {
            // Assertions look at the character too, but never let in one that the rest does not.
            if (item is not (LookNode or PlaceNode) && item.CanStart(code)) return true;
            if (!item.IsNullable) return false;
        }
        return true;
    }
}

/// <summary>The first of several parts that leads to a match.</summary>
internal sealed record ChoiceNode(IReadOnlyList<PatternNode> Items) : PatternNode
{
    public override bool IsNullable => Items.Any(item => item.IsNullable);

    public override int FixedLength => Items.Select(item => item.FixedLength).Distinct().Count() == 1 ? Items[0].FixedLength : -1;

    public override bool CanStart(int code) => Items.Any(item => item.CanStart(code));
}

/// <summary>How a repetition chooses between more and less.</summary>
internal enum Greed
{
    /// <summary>As much as possible, less if the rest needs it.</summary>
    Greedy,

    /// <summary>As little as possible.</summary>
    Lazy,

    /// <summary>As much as possible, never less.</summary>
    Possessive,
}

/// <summary>A part <paramref name="Least"/> to <paramref name="Most"/> times; <see cref="int.MaxValue"/> is without end.</summary>
internal sealed record RepeatNode(PatternNode Item, int Least, int Most, Greed Greed) : PatternNode
{
    public override bool IsNullable => Least == 0 || Item.IsNullable;

    public override int FixedLength => Least == Most && Item.FixedLength >= 0 ? Least * Item.FixedLength : -1;

    public override bool CanStart(int code) => IsNullable || Item.CanStart(code);
}

/// <summary>A part whose first way to match is the only one.</summary>
internal sealed record AtomicNode(PatternNode Item) : PatternNode
{
    public override bool IsNullable => Item.IsNullable;

    public override int FixedLength => Item.FixedLength;

    public override bool CanStart(int code) => Item.CanStart(code);
}

/// <summary>Asks whether a part matches ahead, or ends here.</summary>
internal sealed record LookNode(PatternNode Item, bool Negative, bool Behind) : PatternNode
{
    public override bool IsNullable => true;

    public override int FixedLength => 0;

    public override bool CanStart(int code) => true;
}

/// <summary>A place between characters.</summary>
internal enum Place
{
    LineStart,
    LineEnd,
    TextStart,
    TextEnd,
    TextEndOrLastLineBreak,
    WordEdge,
    NotWordEdge,
}

/// <summary>Asks for a place.</summary>
internal sealed record PlaceNode(Place Place) : PatternNode
{
    public override bool IsNullable => true;

    public override int FixedLength => 0;

    public override bool CanStart(int code) => true;
}
