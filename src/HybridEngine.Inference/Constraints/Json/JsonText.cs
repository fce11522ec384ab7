using HybridEngine.Core;

namespace HybridEngine.Inference;

/// <summary>The nodes of a JSON text: values as rules that call each other. Whitespace is one space, or a line break and up to 32 spaces or tabs, wherever people write it.</summary>
internal sealed class JsonText
{
    private const int MostIndent = 32;

    private static readonly CodePointSet Printable = CodePointSet.Of(0x20, 0x7E);

    private readonly JsonValue[] _values;
    private readonly Rule[] _rules;
    private readonly CodePointSet _alphabet;
    private readonly bool _lines;
    private readonly Node _end = new() { IsFinal = true };
    private readonly Dictionary<(Dfa, bool), Node> _texts = [];
    private readonly Dictionary<(ArrayPlan, int), Node> _afterItems = [];

    private JsonText(JsonValue[] values, CodePointSet alphabet)
    {
        (_values, _alphabet) = (values, alphabet);
        _lines = alphabet.Contains('\n') && alphabet.Contains('\t');
        _rules = new Rule[values.Length];
        for (int id = 0; id < values.Length; id++)
        {
            JsonValue value = values[id];
            _rules[id] = new Rule { Entry = new Node(node => AddValue(node, value)) };
        }
    }

    /// <summary>The node where texts of the first value begin.</summary>
    /// <param name="values">Values that refer to each other by number.</param>
    /// <param name="alphabet">Characters that can be written.</param>
    public static Node Build(JsonValue[] values, CodePointSet alphabet)
    {
        if (!Printable.Except(alphabet).IsEmpty) { throw new InvalidInputException("json_schema", "a vocabulary that cannot write all of ASCII", "one that can"); }
        var text = new JsonText(values, alphabet);
        if (ReferenceEquals(values[0], JsonValue.None)) { return new Node(); }
        Node whole = new();
        whole.Add(text._rules[0], text._end);
        return text.Space(whole);
    }

    private void AddValue(Node node, JsonValue value)
    {
        ScalarTexts scalars = value.Scalars;
        if (!scalars.Bare.IsEmpty) { node.Add(Text(scalars.Bare, quoted: false)); }
        if (scalars.ExponentMust) { node.Add(Text(ScalarTexts.Exponent, quoted: false)); }
        if (!scalars.Quoted.IsEmpty) { node.Add((byte)'"', (byte)'"', Text(scalars.Quoted, quoted: true)); }
        foreach (ArrayPlan array in value.Arrays)
        {
            Node first = new(inside => AddItems(inside, array, 0));
            if (array.MayEnd(0)) { first = Either(first, Closing(']')); }
            node.Add((byte)'[', (byte)'[', Space(first));
        }

        foreach (ObjectPlan plan in value.Objects) { node.Add((byte)'{', (byte)'{', Space(new ObjectNodes(this, plan).First)); }
    }

    /// <summary>The items that may come in a state of an array.</summary>
    private void AddItems(Node node, ArrayPlan array, int state)
    {
        foreach ((int value, int target) in array.Moves(state)) { node.Add(_rules[value], AfterItem(array, target)); }
    }

    private Node AfterItem(ArrayPlan array, int state)
    {
        if (!_afterItems.TryGetValue((array, state), out Node? node)) { _afterItems.Add((array, state), node = new Node(after => AddAfterItem(after, array, state))); }
        return node;
    }

    /// <summary>The nodes of a text; one set of them wherever it stands.</summary>
    private Node Text(Dfa texts, bool quoted)
    {
        if (!_texts.TryGetValue((texts, quoted), out Node? start)) { _texts.Add((texts, quoted), start = new DfaNodes(texts, _end, quoted, _alphabet).Start); }
        return start;
    }

    private void AddAfterItem(Node node, ArrayPlan array, int state)
    {
        if (array.MayEnd(state)) { node.Add(Space(Closing(']'))); }
        if (array.Moves(state).Count > 0) { node.Add((byte)',', (byte)',', Space(new Node(items => AddItems(items, array, state)))); }
    }

    /// <summary>The rule of a value.</summary>
    public Rule Value(int id) => _rules[id];

    /// <summary>The texts of a name, with its quotes.</summary>
    public Rule Name(Dfa names)
    {
        Node entry = new();
        entry.Add((byte)'"', (byte)'"', Text(names, quoted: true));
        return new Rule { Entry = entry };
    }

    /// <summary>A closing bracket, and with it the end of the value.</summary>
    public Node Closing(char bracket)
    {
        Node node = new();
        node.Add((byte)bracket, (byte)bracket, _end);
        return node;
    }

    public static Node Either(Node a, Node b)
    {
        Node node = new();
        node.Add(a);
        node.Add(b);
        return node;
    }

    /// <summary>Space that may stand before a node.</summary>
    public Node Space(Node next)
    {
        Node node = new();
        node.Add(next);
        node.Add((byte)' ', (byte)' ', next);
        if (_lines) { node.Add((byte)'\n', (byte)'\n', Indent(next, MostIndent)); }
        return node;
    }

    private static Node Indent(Node next, int room) => new(node =>
    {
        node.Add(next);
        if (room == 0) { return; }
        Node deeper = Indent(next, room - 1);
        node.Add((byte)' ', (byte)' ', deeper);
        node.Add((byte)'\t', (byte)'\t', deeper);
    });
}
