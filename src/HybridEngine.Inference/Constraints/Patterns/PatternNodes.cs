using System.Globalization;
using HybridEngine.Core;

namespace HybridEngine.Inference;

/// <summary>Turns patterns into nodes that take UTF-8 bytes. Built from the end: a pattern's nodes lead to the node of what follows.</summary>
internal sealed class PatternNodes
{
    /// <summary>What a pattern may grow to: <c>a{1000}{1000}</c> is refused, not built.</summary>
    public const int MostNodes = 100_000;

    private readonly string _source;
    private readonly Func<string, Rule>? _rules;
    private readonly Dictionary<(Node, byte, byte), Node> _tails = [];
    private int _count;

    /// <param name="source">The argument that errors name.</param>
    /// <param name="rules">Rules by name, or null where there are none.</param>
    public PatternNodes(string source, Func<string, Rule>? rules = null) => (_source, _rules) = (source, rules);

    /// <summary>The nodes of a pattern that a whole text must match.</summary>
    public static Node Whole(Pattern pattern, string source, CodePointSet alphabet) =>
        new PatternNodes(source).Build(pattern.Restrict(alphabet), new Node { IsFinal = true });

    /// <summary>The entry of a pattern's nodes.</summary>
    /// <param name="pattern">Without anchors.</param>
    /// <param name="next">What follows the pattern.</param>
    public Node Build(Pattern pattern, Node next)
    {
        switch (pattern)
        {
            case EmptyPattern:
                return next;
            case SetPattern set:
                Node node = Make();
                AddCharacters(node, set.Characters, next);
                return node;
            case SequencePattern sequence:
                for (int i = sequence.Parts.Length - 1; i >= 0; i--) { next = Build(sequence.Parts[i], next); }
                return next;
            case ChoicePattern choice:
                Node fork = Make();
                foreach (Pattern option in choice.Options) { fork.Add(Build(option, next)); }
                return fork;
            case RepeatPattern repeat:
                return BuildRepeat(repeat, next);
            case ReferencePattern reference:
                Node caller = Make();
                caller.Add(_rules!(reference.Rule), next);
                return caller;
            default:
                return Make();
        }
    }

    /// <summary>Adds moves that take one character of a set.</summary>
    private void AddCharacters(Node node, CodePointSet set, Node next)
    {
        foreach ((byte Low, byte High)[] bytes in Utf8Ranges.Split(set))
        {
            Node target = next;
            for (int i = bytes.Length - 1; i > 0; i--) { target = Tail(bytes[i].Low, bytes[i].High, target); }
            node.Add(bytes[0].Low, bytes[0].High, target);
        }
    }

    private Node Tail(byte low, byte high, Node target)
    {
        if (_tails.TryGetValue((target, low, high), out Node? tail)) { return tail; }
        tail = Make();
        tail.Add(low, high, target);
        return _tails[(target, low, high)] = tail;
    }

    private Node BuildRepeat(RepeatPattern repeat, Node next)
    {
        if (repeat.Max == Pattern.NoLimit)
        {
            Node loop = Make();
            loop.Add(Build(repeat.Part, loop));
            loop.Add(next);
            next = loop;
        }
        else
        {
            Node end = next;
            for (int i = repeat.Min; i < repeat.Max; i++)
            {
                Node fork = Make();
                fork.Add(Build(repeat.Part, next));
                fork.Add(end);
                next = fork;
            }
        }

        for (int i = 0; i < repeat.Min; i++) { next = Build(repeat.Part, next); }
        return next;
    }

    private Node Make()
    {
        if (++_count > MostNodes)
        {
            throw new UnsupportedException(_source, "a pattern that repeats this much", $"at most {MostNodes.ToString("N0", CultureInfo.InvariantCulture)} places when written without counts");
        }

        return new Node();
    }
}
