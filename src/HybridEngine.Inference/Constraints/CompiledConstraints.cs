using HybridEngine.Core;

namespace HybridEngine.Inference;

/// <summary>Compiled constraints of one vocabulary, by what they were made from: requests that ask for the same language share its masks. For use by several threads.</summary>
public sealed class CompiledConstraints
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(string Kind, string Text), LinkedListNode<((string, string) Key, Lazy<TokenConstraint> Constraint)>> _known = [];
    private readonly LinkedList<((string, string) Key, Lazy<TokenConstraint> Constraint)> _recent = [];
    private readonly int _capacity;

    /// <param name="vocabulary">The model's vocabulary.</param>
    /// <param name="capacity">Constraints kept; the one that was asked for longest ago goes first.</param>
    public CompiledConstraints(ConstraintVocabulary vocabulary, int capacity = 32)
    {
        ArgumentNullException.ThrowIfNull(vocabulary);
        if (capacity < 1) { throw new InvalidInputException("capacity", $"{capacity}", "at least 1"); }
        (Vocabulary, _capacity) = (vocabulary, capacity);
    }

    /// <summary>The vocabulary.</summary>
    public ConstraintVocabulary Vocabulary { get; }

    /// <inheritdoc cref="TextConstraint.Regex" />
    public TokenConstraint Regex(string pattern, string source = "regex") => Find("regex", pattern, () => TextConstraint.Regex(pattern, source));

    /// <inheritdoc cref="TextConstraint.Choice" />
    public TokenConstraint Choice(IReadOnlyList<string> choices, string source = "choice")
    {
        ArgumentNullException.ThrowIfNull(choices);
        // Lengths first: no two lists have one key.
        return Find("choice", string.Concat(choices.Select(choice => $"{choice.Length}:{choice}")), () => TextConstraint.Choice(choices, source));
    }

    /// <inheritdoc cref="TextConstraint.Grammar" />
    public TokenConstraint Grammar(string text, string source = "grammar") => Find("grammar", text, () => TextConstraint.Grammar(text, source));

    /// <inheritdoc cref="TextConstraint.JsonSchema" />
    public TokenConstraint JsonSchema(string schema) => Find("json_schema", schema, () => TextConstraint.JsonSchema(schema));

    /// <inheritdoc cref="TextConstraint.JsonObject" />
    public TokenConstraint JsonObject() => Find("json_object", "", TextConstraint.JsonObject);

    private TokenConstraint Find(string kind, string text, Func<TextConstraint> make)
    {
        ArgumentNullException.ThrowIfNull(text);
        Lazy<TokenConstraint> constraint;
        lock (_gate)
        {
            (string, string) key = (kind, text);
            if (_known.TryGetValue(key, out var node)) { _recent.Remove(node); }
            else { node = new((key, new Lazy<TokenConstraint>(() => make().Compile(Vocabulary)))); }
            _known[key] = node;
            _recent.AddFirst(node);
            while (_recent.Count > _capacity)
            {
                _known.Remove(_recent.Last!.Value.Key);
                _recent.RemoveLast();
            }

            constraint = node.Value.Constraint;
        }

        // Compiled outside of the lock: others need not wait for it.
        return constraint.Value;
    }
}
