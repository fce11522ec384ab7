using System.CommandLine;
using System.Text.Json;
using HybridEngine.Cli.Input;
using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Rlhf;

namespace HybridEngine.Cli.CommandLine;

/// <summary>The language that texts are to stay in: <c>--json-schema</c>, <c>--regex</c>, <c>--grammar</c> and, for <c>generate</c>, <c>--choice</c>; in lines the fields of the same names.</summary>
internal sealed class ConstraintArguments
{
    /// <summary>Fields of a line; at most one of them.</summary>
    public static readonly string[] Keys = ["json_schema", "regex", "grammar", "choice"];

    private readonly Option<string?> _schema = new("--json-schema") { Description = "The text is JSON that this JSON Schema allows.", HelpName = "FILE" };
    private readonly Option<string?> _regex = new("--regex") { Description = "The text matches this regular expression as a whole.", HelpName = "R" };
    private readonly Option<string?> _grammar = new("--grammar") { Description = "The text is one of this grammar (GBNF, as llama.cpp writes it).", HelpName = "FILE" };
    private readonly Option<string[]> _choice = new("--choice") { Description = "The text is this one; given several times, one of them.", HelpName = "TEXT", AllowMultipleArgumentsPerToken = true };

    public void AddTo(Command command, bool choice)
    {
        foreach (Option option in new Option[] { _schema, _regex, _grammar }) { command.Options.Add(option); }
        if (choice) { command.Options.Add(_choice); }
    }

    /// <summary>Reads the options: null where none is given.</summary>
    /// <exception cref="UsageException">Several are given.</exception>
    /// <exception cref="InvalidInputException">A file cannot be read.</exception>
    public ConstraintText? Read(ParseResult parse)
    {
        string? schema = parse.GetValue(_schema), regex = parse.GetValue(_regex), grammar = parse.GetValue(_grammar);
        string[] choices = parse.CommandResult.Command.Options.Contains(_choice) ? parse.GetValue(_choice) ?? [] : [];
        (string Name, bool Given)[] options = [("--json-schema", schema is not null), ("--regex", regex is not null), ("--grammar", grammar is not null), ("--choice", choices.Length > 0)];
        if (!options.Any(option => option.Given)) { return null; }
        OneOf.Require(options);
        return schema is not null ? new("json_schema", [InputLines.ReadText(schema)], schema)
            : regex is not null ? new("regex", [regex], "--regex")
            : grammar is not null ? new("grammar", [InputLines.ReadText(grammar)], grammar)
            : new("choice", choices, "--choice");
    }

    /// <summary>The constraint of a line, or null where it has none. A schema may be an object or its JSON text.</summary>
    public static ConstraintText? Of(JsonLine line)
    {
        string[] given = [.. Keys.Where(line.Has)];
        if (given.Length == 0) { return null; }
        if (given.Length > 1) { throw new InvalidInputException(line.Origin, string.Join(" and ", given), $"one of {string.Join(", ", Keys)}"); }
        string key = given[0], origin = $"{line.Origin}: {key}";
        return key switch
        {
            "choice" => new(key, line.Texts(key, []), origin),
            "json_schema" when line.Value.GetProperty(key).ValueKind != JsonValueKind.String => new(key, [line.Value.GetProperty(key).GetRawText()], origin),
            _ => new(key, [line.Text(key)], origin),
        };
    }
}

/// <summary>A constraint as the user wrote it.</summary>
/// <param name="Kind">json_schema, regex, grammar or choice.</param>
/// <param name="Texts">The schema, pattern or grammar; the texts of a choice.</param>
/// <param name="Source">What errors name.</param>
internal sealed record ConstraintText(string Kind, IReadOnlyList<string> Texts, string Source)
{
    /// <summary>As a language of texts.</summary>
    public TextConstraint Language() => Kind switch
    {
        "json_schema" => TextConstraint.JsonSchema(Texts[0]),
        "regex" => TextConstraint.Regex(Texts[0], Source),
        "grammar" => TextConstraint.Grammar(Texts[0], Source),
        _ => TextConstraint.Choice(Texts, Source),
    };

    /// <summary>For a model's vocabulary.</summary>
    public TokenConstraint Compile(CompiledConstraints constraints) => Kind switch
    {
        "json_schema" => constraints.JsonSchema(Texts[0]),
        "regex" => constraints.Regex(Texts[0], Source),
        "grammar" => constraints.Grammar(Texts[0], Source),
        _ => constraints.Choice(Texts, Source),
    };
}
