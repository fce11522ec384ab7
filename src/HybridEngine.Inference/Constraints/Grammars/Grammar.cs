using System.Globalization;
using HybridEngine.Core;

namespace HybridEngine.Inference;

/// <summary>Rules that may call each other. Checked: every rule that is named is there, and none calls itself before it has taken a character.</summary>
internal sealed class Grammar
{
    private const string Root = "root";
    private const int MostRules = 10_000;

    private readonly string _source;
    private readonly Dictionary<string, Pattern> _rules;
    private readonly HashSet<string> _nullable = new(StringComparer.Ordinal);

    public Grammar(IReadOnlyList<KeyValuePair<string, Pattern>> rules, string source)
    {
        _source = source;
        if (rules.Count > MostRules) { throw new UnsupportedException(source, $"{rules.Count.ToString(CultureInfo.InvariantCulture)} rules", $"up to {MostRules}"); }
        _rules = new Dictionary<string, Pattern>(rules, StringComparer.Ordinal);
        if (!_rules.ContainsKey(Root)) { throw new InvalidInputException(source, "no rule 'root'", "one, where texts begin"); }
        foreach ((string name, Pattern pattern) in rules)
        {
            foreach (string called in References(pattern))
            {
                if (!_rules.ContainsKey(called)) { throw new InvalidInputException(source, $"rule '{called}' in '{name}', which is nowhere", "rules that are in the grammar"); }
            }
        }

        Grow(_nullable, IsNullable);
        RefuseLeftRecursion();
    }

    /// <summary>The nodes of the grammar.</summary>
    /// <param name="alphabet">Characters that can be written.</param>
    public Node Build(CodePointSet alphabet)
    {
        Dictionary<string, Pattern> restricted = _rules.ToDictionary(rule => rule.Key, rule => rule.Value.Restrict(alphabet), StringComparer.Ordinal);
        var productive = new HashSet<string>(StringComparer.Ordinal);
        Grow(productive, (pattern, known) => Without(pattern, known) is not NothingPattern, restricted);
        Dictionary<string, Rule> nodes = _rules.Keys.ToDictionary(name => name, name => new Rule { IsNullable = _nullable.Contains(name) }, StringComparer.Ordinal);
        var builder = new PatternNodes(_source, name => nodes[name]);
        Node end = new() { IsFinal = true };
        foreach ((string name, Rule rule) in nodes) { rule.Entry = builder.Build(Without(restricted[name], productive), end); }
        Node start = new();
        if (productive.Contains(Root))
        {
            start.Add(nodes[Root], end);
            if (_nullable.Contains(Root)) { start.IsFinal = true; }
        }

        return start;
    }

    /// <summary>The least set of rules that a property of patterns, given the set so far, gives.</summary>
    private void Grow(HashSet<string> set, Func<Pattern, HashSet<string>, bool> holds, Dictionary<string, Pattern>? rules = null)
    {
        rules ??= _rules;
        ILookup<string, string> callers = rules.SelectMany(rule => References(rule.Value).Distinct(StringComparer.Ordinal), (rule, called) => (rule.Key, Called: called)).ToLookup(call => call.Called, call => call.Key, StringComparer.Ordinal);
        var open = new Queue<string>(rules.Keys);
        while (open.TryDequeue(out string? name))
        {
            if (set.Contains(name) || !holds(rules[name], set)) { continue; }
            set.Add(name);
            foreach (string caller in callers[name]) { open.Enqueue(caller); }
        }
    }

    private static bool IsNullable(Pattern pattern, HashSet<string> nullable) => pattern switch
    {
        EmptyPattern => true,
        ReferencePattern reference => nullable.Contains(reference.Rule),
        SequencePattern sequence => sequence.Parts.All(part => IsNullable(part, nullable)),
        ChoicePattern choice => choice.Options.Any(option => IsNullable(option, nullable)),
        RepeatPattern repeat => repeat.Min == 0 || IsNullable(repeat.Part, nullable),
        _ => false,
    };

    /// <summary>A pattern without what calls rules that have no text.</summary>
    private static Pattern Without(Pattern pattern, HashSet<string> productive) => pattern switch
    {
        ReferencePattern reference => productive.Contains(reference.Rule) ? pattern : Pattern.Nothing,
        SequencePattern sequence => Pattern.Sequence([.. sequence.Parts.Select(part => Without(part, productive))]),
        ChoicePattern choice => Pattern.Choice([.. choice.Options.Select(option => Without(option, productive))]),
        RepeatPattern repeat => Pattern.Repeat(Without(repeat.Part, productive), repeat.Min, repeat.Max),
        _ => pattern,
    };

    private static IEnumerable<string> References(Pattern pattern) => pattern switch
    {
        ReferencePattern reference => [reference.Rule],
        SequencePattern sequence => sequence.Parts.SelectMany(References),
        ChoicePattern choice => choice.Options.SelectMany(References),
        RepeatPattern repeat => References(repeat.Part),
        _ => [],
    };

    /// <summary>Rules that a pattern may call before it has taken a character.</summary>
    private IEnumerable<string> First(Pattern pattern)
    {
        switch (pattern)
        {
            case ReferencePattern reference: return [reference.Rule];
            case ChoicePattern choice: return choice.Options.SelectMany(First);
            case RepeatPattern repeat: return First(repeat.Part);
            case SequencePattern sequence:
                int count = 0;
                while (count < sequence.Parts.Length && IsNullable(sequence.Parts[count], _nullable)) { count++; }
                return sequence.Parts.Take(count + 1).SelectMany(First);
            default: return [];
        }
    }

    private void RefuseLeftRecursion()
    {
        var done = new HashSet<string>(StringComparer.Ordinal);
        foreach (string root in _rules.Keys)
        {
            // A walk with a stack of its own: chains of rules may be long.
            var open = new HashSet<string>(StringComparer.Ordinal);
            var path = new Stack<(string Name, IEnumerator<string> Called)>();
            void Enter(string name)
            {
                if (done.Contains(name)) { return; }
                if (!open.Add(name)) { throw new UnsupportedException(_source, $"rule '{name}', which calls itself before it takes a character (left recursion),", "lists such as: item (\",\" item)*"); }
                path.Push((name, First(_rules[name]).Distinct(StringComparer.Ordinal).GetEnumerator()));
            }

            Enter(root);
            while (path.TryPeek(out (string Name, IEnumerator<string> Called) top))
            {
                if (top.Called.MoveNext())
                {
                    Enter(top.Called.Current);
                    continue;
                }

                path.Pop();
                open.Remove(top.Name);
                done.Add(top.Name);
            }
        }
    }
}
