using System.Text.Json;
using Xunit;

namespace HybridEngine.Cli.Tests;

public class ConstraintTests
{
    [Fact]
    public void Accepts_Schema_AnswersALineEach()
    {
        using Scratch scratch = new();
        string schema = scratch.Write("schema.json", """{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]}""");
        JsonElement[] lines = Cli.RunWith("{\"text\": \"{\\\"a\\\": 1}\"}\n{\"text\": \"{}\"}\n", "accepts", "--json-schema", schema, "--input", "-", "--json").Json();
        Assert.Equal([true, false], lines.Select(line => line.GetProperty("accepted").GetBoolean()));
    }

    [Fact]
    public void Accepts_GrammarAndRegex_AnswerAlike()
    {
        using Scratch scratch = new();
        string grammar = scratch.Write("g.gbnf", "root ::= (\"a\" | \"b\")+");
        const string Input = "{\"text\": \"abba\"}\n{\"text\": \"abc\"}\n";
        string byGrammar = Cli.RunWith(Input, "accepts", "--grammar", grammar, "--input", "-").Output;
        Assert.Equal("accepted\nrefused\n", byGrammar.ReplaceLineEndings("\n"));
        Assert.Equal(byGrammar, Cli.RunWith(Input, "accepts", "--regex", "[ab]+", "--input", "-").Output);
    }

    [Fact]
    public void Accepts_RefusedConstraint_NamesTheKeyword()
    {
        using Scratch scratch = new();
        string schema = scratch.Write("schema.json", """{"uniqueItems":true}""");
        CliResult json = Cli.RunWith("", "accepts", "--json-schema", schema, "--input", "-", "--json");
        Assert.Contains("uniqueItems", Assert.Single(json.Json()).GetProperty("error").GetString(), StringComparison.Ordinal);
        CliResult text = Cli.RunWith("", "accepts", "--json-schema", schema, "--input", "-");
        Assert.Equal(1, text.ExitCode);
        Assert.Contains("uniqueItems", text.ErrorLine, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("accepts", "--input", "-")]
    [InlineData("accepts", "--regex", "a", "--json-schema", "x", "--input", "-")]
    public void Accepts_NotOneConstraint_IsAnError(params string[] arguments)
    {
        CliResult result = Cli.Run(arguments);
        Assert.Equal(2, result.ExitCode);
        Assert.Contains("--regex", result.ErrorLine, StringComparison.Ordinal);
    }
}
