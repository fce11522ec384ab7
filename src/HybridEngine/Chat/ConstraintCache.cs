using HybridEngine.Inference;
using HybridEngine.Models;

namespace HybridEngine;

/// <summary>Constraints compiled for one model, the last used ones kept: a program asks for the same few forms again and again. Thread-safe.</summary>
internal sealed class ConstraintCache
{
    private const int Most = 64;

    private readonly Lock _gate = new();
    private readonly Lazy<ConstraintVocabulary> _vocabulary;
    private readonly Dictionary<string, LinkedListNode<(string Key, TokenConstraint Value)>> _byKey = new(StringComparer.Ordinal);
    private readonly LinkedList<(string Key, TokenConstraint Value)> _used = [];

    public ConstraintCache(Tokenizer tokenizer, IReadOnlyList<int> endTokens) => _vocabulary = new Lazy<ConstraintVocabulary>(() => ConstraintVocabulary.FromTokenizer(tokenizer, endTokens));

    /// <summary>JSON by a schema; null for any object.</summary>
    public TokenConstraint Json(string? schema) => Get("json " + schema, () => schema is null ? TextConstraint.JsonObject() : TextConstraint.JsonSchema(schema));

    /// <summary>Text that a regular expression matches as a whole.</summary>
    public TokenConstraint Regex(string pattern) => Get("regex " + pattern, () => TextConstraint.Regex(pattern));

    /// <summary>One of some texts.</summary>
    public TokenConstraint Choice(IReadOnlyList<string> choices) => Get("choice " + string.Join('\0', choices), () => TextConstraint.Choice(choices));

    private TokenConstraint Get(string key, Func<TextConstraint> make)
    {
        lock (_gate)
        {
            if (_byKey.TryGetValue(key, out LinkedListNode<(string, TokenConstraint Value)>? node))
            {
                _used.Remove(node);
                _used.AddFirst(node);
                return node.Value.Value;
            }
        }

        // Outside the lock: a large schema takes a while, and two callers who compile the same one lose nothing but time.
        TokenConstraint made = make().Compile(_vocabulary.Value);
        lock (_gate)
        {
            if (_byKey.TryAdd(key, _used.AddFirst((key, made))))
            {
                if (_used.Count > Most)
                {
                    _byKey.Remove(_used.Last!.Value.Key);
                    _used.RemoveLast();
                }
            }
            else
            {
                _used.RemoveFirst();
            }
        }

        return made;
    }
}
