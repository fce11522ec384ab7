using System.Text;
using HybridEngine.Core;

namespace HybridEngine.Inference;

/// <summary>A formal language of texts: what a completion may be. Compiled for a vocabulary it becomes a <see cref="TokenConstraint"/>. Does not change; may be shared by threads.</summary>
public sealed partial class TextConstraint
{
    private readonly Func<CodePointSet, Node> _build;
    private readonly Lazy<Recognizer> _recognizer;

    private TextConstraint(string source, Func<CodePointSet, Node> build)
    {
        (Source, _build) = (source, build);
        Node entry = build(CodePointSet.All);
        _recognizer = new Lazy<Recognizer>(() => new Recognizer(entry));
    }

    /// <summary>The argument that errors name.</summary>
    public string Source { get; }

    /// <summary>Whether a whole text is in the language.</summary>
    /// <param name="text">Any text.</param>
    public bool Accepts(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        Recognizer recognizer = _recognizer.Value;
        // An unpaired surrogate would be written as U+FFFD, which is another text.
        return IsWellFormed(text) && recognizer.Step(recognizer.Start, Encoding.UTF8.GetBytes(text)).IsAccepting;
    }

    /// <summary>Prepares the language for a vocabulary. Masks are found when first needed and shared by all requests that use the result, so compile once.</summary>
    /// <param name="vocabulary">The model's vocabulary.</param>
    /// <exception cref="InvalidInputException">No text of the language can be written with the vocabulary.</exception>
    public TokenConstraint Compile(ConstraintVocabulary vocabulary)
    {
        ArgumentNullException.ThrowIfNull(vocabulary);
        var recognizer = new Recognizer(_build(vocabulary.Alphabet));
        return recognizer.Start.MustEnd && !recognizer.Start.IsAccepting
            ? throw new InvalidInputException(Source, "a constraint that no text satisfies", "one that some text of this vocabulary satisfies")
            : new MaskedConstraint(recognizer, vocabulary);
    }

    /// <summary>Texts that match a regular expression as a whole.</summary>
    /// <param name="pattern">Python's syntax with ASCII classes: look-around, back-references, word boundaries and flags are refused by name.</param>
    /// <param name="source">The argument that errors name.</param>
    /// <exception cref="InvalidInputException">It is not a regular expression.</exception>
    /// <exception cref="UnsupportedException">It asks for what an automaton cannot do, or for too large a one.</exception>
    public static TextConstraint Regex(string pattern, string source = "regex")
    {
        ArgumentNullException.ThrowIfNull(pattern);
        Pattern whole = Anchors.Resolve(RegexParser.Parse(pattern, RegexDialect.Python, source));
        return new TextConstraint(source, alphabet => PatternNodes.Whole(whole, source, alphabet));
    }

    /// <summary>One of a list of texts.</summary>
    /// <param name="choices">The texts.</param>
    /// <param name="source">The argument that errors name.</param>
    /// <exception cref="InvalidInputException">There is no text to choose.</exception>
    public static TextConstraint Choice(IReadOnlyList<string> choices, string source = "choice")
    {
        ArgumentNullException.ThrowIfNull(choices);
        if (choices.Count == 0) { throw new InvalidInputException(source, "no texts", "at least one to choose"); }
        foreach (string choice in choices)
        {
            if (!IsWellFormed(choice)) { throw new InvalidInputException(source, "a text with half a surrogate pair", "well-formed Unicode"); }
        }

        Pattern any = Pattern.Choice([.. choices.Select(Pattern.Literal)]);
        return new TextConstraint(source, alphabet => PatternNodes.Whole(any, source, alphabet));
    }

    /// <summary>Texts of a grammar's rule <c>root</c>.</summary>
    /// <param name="text">The grammar in llama.cpp's notation (GBNF).</param>
    /// <param name="source">The argument or file that errors name.</param>
    /// <exception cref="InvalidInputException">It is not a grammar.</exception>
    /// <exception cref="UnsupportedException">A rule calls itself before it takes a character, or the grammar is too large.</exception>
    public static TextConstraint Grammar(string text, string source = "grammar")
    {
        ArgumentNullException.ThrowIfNull(text);
        var grammar = new Grammar(GrammarParser.Parse(text, source), source);
        return new TextConstraint(source, grammar.Build);
    }

    /// <summary>Any JSON object: for models that are to answer in JSON of their own design.</summary>
    public static TextConstraint JsonObject() => JsonSchema("{\"type\":\"object\"}");

    /// <summary>JSON texts that a JSON Schema allows.</summary>
    /// <param name="schema">The schema, as JSON text. Keywords that cannot be kept exactly are refused by name (docs/inference/constraints.md).</param>
    /// <exception cref="InvalidInputException">It is not a JSON Schema.</exception>
    /// <exception cref="UnsupportedException">A keyword is not supported, or asks for too large an automaton; the message names it.</exception>
    public static TextConstraint JsonSchema(string schema)
    {
        ArgumentNullException.ThrowIfNull(schema);
        JsonValue[] values = SchemaCompiler.Compile(schema);
        return new TextConstraint("json_schema", alphabet => JsonText.Build(values, alphabet));
    }

    private static bool IsWellFormed(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i])) { continue; }
            if (i + 1 == text.Length || !char.IsSurrogatePair(text[i], text[i + 1])) { return false; }
            i++;
        }

        return true;
    }
}
