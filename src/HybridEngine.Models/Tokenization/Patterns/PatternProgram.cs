namespace HybridEngine.Models;

/// <summary>What a step of a pattern's program does.</summary>
internal enum Step
{
    /// <summary>The match ends.</summary>
    Accept,

    /// <summary>One character of the set.</summary>
    One,

    /// <summary>As many characters of the set as there are, from <c>Least</c> to <c>Most</c>; fewer if the rest needs it.</summary>
    Run,

    /// <summary>As many as there are, never fewer.</summary>
    PossessiveRun,

    /// <summary>Goes on at <c>First</c>, and if that fails at <c>Second</c>.</summary>
    Split,

    /// <summary>Goes on at <c>First</c>.</summary>
    Jump,

    /// <summary>Runs the program at <c>First</c> as a question, then goes on at <c>Second</c>.</summary>
    Ahead,

    /// <summary>The question's answer must be no.</summary>
    NotAhead,

    /// <summary>As <see cref="Ahead"/>, from <c>Least</c> characters before.</summary>
    Behind,

    /// <summary>As <see cref="NotAhead"/>, from <c>Least</c> characters before.</summary>
    NotBehind,

    /// <summary>Runs the program at <c>First</c> once and goes on at <c>Second</c> where it ended.</summary>
    Atomic,

    /// <summary>Asks for the place <c>First</c>.</summary>
    At,
}

/// <summary>A step of a program; the next one follows it, unless the step says otherwise.</summary>
internal readonly record struct Operation(Step Step, CharacterSet? Set = null, int First = 0, int Second = 0, int Least = 0, int Most = 0);

/// <summary>A pattern as a list of steps for <see cref="PatternMachine"/>.</summary>
internal sealed class PatternProgram
{
    private const int MostOperations = 4096;

    private readonly List<Operation> _operations = [];

    private PatternProgram(PatternNode node)
    {
        // The alternatives of the whole pattern are programs of their own, so that the first character can rule most of them out.
        Alternatives = node is SequenceNode { Items: [ChoiceNode inner] } ? inner.Items : node is ChoiceNode choice ? choice.Items : [node];
        Starts = new int[Alternatives.Count];
        for (int i = 0; i < Starts.Length; i++)
        {
            Starts[i] = _operations.Count;
            Emit(Alternatives[i]);
            Add(new Operation(Step.Accept));
        }
        Operations = [.. _operations];
        if (Alternatives.Count == 1 && Operations[0] is { Step: Step.Run, Least: > 0, Most: int.MaxValue }) LeadingRun = Operations[0].Set;
    }

    public Operation[] Operations { get; }

    public IReadOnlyList<PatternNode> Alternatives { get; }

    /// <summary>Where each alternative's steps begin; earlier ones are preferred.</summary>
    public int[] Starts { get; }

    /// <summary>Where every match begins with a run of these characters: what fails at one of them fails at all that follow it in the same run.</summary>
    public CharacterSet? LeadingRun { get; }

    /// <exception cref="PatternException">The pattern is too large, or repeats what can be empty.</exception>
    public static PatternProgram Compile(PatternNode node) => new(node);

    private int Add(Operation operation)
    {
        if (_operations.Count >= MostOperations) throw new PatternException($"more than {MostOperations} steps");
        _operations.Add(operation);
        return _operations.Count - 1;
    }

    private void Emit(PatternNode node)
    {
        switch (node)
        {
            case CharacterNode one: Add(new Operation(Step.One, one.Set)); break;
            case SequenceNode sequence:
                foreach (PatternNode item in sequence.Items) Emit(item);
                break;
            case ChoiceNode choice: EmitChoice(choice); break;
            case RepeatNode repeat: EmitRepeat(repeat); break;
            case AtomicNode atomic: EmitInner(Step.Atomic, atomic.Item, 0); break;
            case LookNode { Behind: true } look: EmitInner(look.Negative ? Step.NotBehind : Step.Behind, look.Item, look.Item.FixedLength); break;
            case LookNode look: EmitInner(look.Negative ? Step.NotAhead : Step.Ahead, look.Item, 0); break;
            case PlaceNode place: Add(new Operation(Step.At, First: (int)place.Place)); break;
            default: throw new InvalidOperationException($"No rule for {node.GetType().Name}.");
        }
    }

    private void EmitChoice(ChoiceNode choice)
    {
        var ends = new List<int>();
        for (int i = 0; i < choice.Items.Count; i++)
        {
            bool last = i + 1 == choice.Items.Count;
            int split = last ? -1 : Add(new Operation(Step.Split));
            Emit(choice.Items[i]);
            if (last) break;
            ends.Add(Add(new Operation(Step.Jump)));
            _operations[split] = new Operation(Step.Split, First: split + 1, Second: _operations.Count);
        }
        foreach (int jump in ends) _operations[jump] = new Operation(Step.Jump, First: _operations.Count);
    }

    private void EmitRepeat(RepeatNode repeat)
    {
        if (repeat.Greed != Greed.Lazy && OneSet(repeat.Item) is { } set)
        {
            Add(new Operation(repeat.Greed == Greed.Possessive ? Step.PossessiveRun : Step.Run, set, Least: repeat.Least, Most: repeat.Most));
            return;
        }
        if (repeat.Greed == Greed.Possessive)
        {
            EmitInner(Step.Atomic, repeat with { Greed = Greed.Greedy }, 0);
            return;
        }
        if (repeat.Most == int.MaxValue && repeat.Item.IsNullable) throw new PatternException("an endless repetition of what can be empty");
        for (int i = 0; i < repeat.Least; i++) Emit(repeat.Item);
        if (repeat.Most == int.MaxValue)
        {
            int split = Add(new Operation(Step.Split));
            Emit(repeat.Item);
            Add(new Operation(Step.Jump, First: split));
            _operations[split] = Either(repeat.Greed, split + 1, _operations.Count);
            return;
        }
        var splits = new List<int>();
        for (int i = repeat.Least; i < repeat.Most; i++)
        {
            splits.Add(Add(new Operation(Step.Split)));
            Emit(repeat.Item);
        }
        foreach (int split in splits) _operations[split] = Either(repeat.Greed, split + 1, _operations.Count);
    }

    /// <summary>The set of a part that is one character, through groups around it.</summary>
    private static CharacterSet? OneSet(PatternNode node) => node switch
    {
        CharacterNode one => one.Set,
        SequenceNode { Items: [var only] } => OneSet(only),
        _ => null,
    };

    private static Operation Either(Greed greed, int more, int less) => greed == Greed.Lazy ? new Operation(Step.Split, First: less, Second: more) : new Operation(Step.Split, First: more, Second: less);

    private void EmitInner(Step step, PatternNode item, int length)
    {
        int start = Add(new Operation(step));
        Emit(item);
        Add(new Operation(Step.Accept));
        _operations[start] = new Operation(step, First: start + 1, Second: _operations.Count, Least: length);
    }
}
