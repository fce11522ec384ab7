using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Inference.Tests.Constraints;

public class GrammarConstraintTests
{
    private const string Arithmetic = """
        # sums of products
        root  ::= expr "=" ws
        expr  ::= term ([-+*/] term)*
        term  ::= num | "(" ws expr ")" ws   # nested
        num   ::= [0-9]+ ws
        ws    ::= [ \t\n]*
        """;

    // A list written as llama.cpp's examples do: the rule ends with itself.
    private const string Recursive = """
        root ::= "a" root "b" | "a" root "c" | "" | list
        list ::= "x" list | "y"
        """;

    [Theory]
    [InlineData(Arithmetic, "1+2=", true)]
    [InlineData(Arithmetic, "(1+(2*3) ) -4/5=\n", true)]
    [InlineData(Arithmetic, "((1)=", false)]
    [InlineData(Arithmetic, "1+=", false)]
    [InlineData(Arithmetic, "=", false)]
    [InlineData(Recursive, "", true)]
    [InlineData(Recursive, "aaabcb", true)]
    [InlineData(Recursive, "aaabc", false)]
    [InlineData(Recursive, "axxxyb", true)]
    [InlineData(Recursive, "axxxb", false)]
    [InlineData("root ::= \"\\x41\\u00e9\\\"\" [^\\]a-c]{2} .?", "Aé\"xy", true)]
    [InlineData("root ::= \"\\x41\\u00e9\\\"\" [^\\]a-c]{2} .?", "Aé\"xb", false)]
    [InlineData("root ::= a{2,3} b{1,}\na ::=\n \"a\" |\n \"A\"\nb ::= \"b\"", "aAab", true)]
    [InlineData("root ::= a{2,3} b{1,}\na ::=\n \"a\" |\n \"A\"\nb ::= \"b\"", "ab", false)]
    [InlineData("root ::= empty empty \"x\" empty\nempty ::= \"e\"? (\"f\"* | \"g\")", "effxg", true)]
    [InlineData("root ::= dead | \"ok\"\ndead ::= \"x\" dead", "ok", true)]
    [InlineData("root ::= dead | \"ok\"\ndead ::= \"x\" dead", "x", false)]
    public void Grammar_Text_AcceptedWhereItDerives(string grammar, string text, bool accepted) => Assert.Equal(accepted, TextConstraint.Grammar(grammar).Accepts(text));

    [Theory]
    [InlineData("root ::= root \"a\" | \"a\"")]
    [InlineData("root ::= a\na ::= b? c\nb ::= \"b\"\nc ::= (a \"x\")+")]
    public void Grammar_LeftRecursion_IsRefusedByTheRulesName(string grammar) =>
        Assert.Contains("left recursion", Assert.Throws<UnsupportedException>(() => TextConstraint.Grammar(grammar)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("")]
    [InlineData("other ::= \"a\"")]
    [InlineData("root ::= missing")]
    [InlineData("root ::= \"a")]
    [InlineData("root ::= [a")]
    [InlineData("root ::= (\"a\"")]
    [InlineData("root ::= \"a\" )")]
    [InlineData("root := \"a\"")]
    [InlineData("root ::= \"a\"{3,2}")]
    [InlineData("root ::= \"\\q\"")]
    [InlineData("root ::= \"a\"\nroot ::= \"b\"")]
    public void Grammar_NotAGrammar_IsRefusedInOneLine(string grammar) =>
        Assert.StartsWith("grammar: found ", Assert.Throws<InvalidInputException>(() => TextConstraint.Grammar(grammar)).Message, StringComparison.Ordinal);

    [Fact]
    public void Compile_NoTextOfTheGrammar_IsRefused() =>
        Assert.Throws<InvalidInputException>(() => TextConstraint.Grammar("root ::= \"x\" root").Compile(Vocabularies.Random(new TestRandom())));

    [Fact]
    public void Compile_RandomWalks_EndInTheLanguage()
    {
        TestRandom random = new();
        ConstraintVocabulary vocabulary = Vocabularies.Random(random);
        foreach (string grammar in (string[])[Arithmetic, Recursive])
        {
            TextConstraint constraint = TextConstraint.Grammar(grammar);
            TokenConstraint compiled = constraint.Compile(vocabulary);
            for (int walk = 0; walk < 20; walk++)
            {
                string text = RandomWalk.Text(vocabulary, null, RandomWalk.Draw(compiled, vocabulary.EndTokens, random, 60));
                Assert.True(grammar == Recursive ? Balanced(text) : SumIsRight(text), $"'{text}', {random}");
            }
        }
    }

    [Fact]
    public void Accepts_AmbiguousAndDeep_IsLinear()
    {
        // Two ways at each of 20,000 levels: 2^20000 stacks, were they kept apart.
        string text = new string('a', 20_000) + string.Concat(Enumerable.Repeat("bc", 10_000));
        Assert.True(TextConstraint.Grammar(Recursive).Accepts(text));
        Assert.False(TextConstraint.Grammar(Recursive).Accepts(text + "b"));
        string chain = "root ::= r0\n" + string.Concat(Enumerable.Range(0, 5000).Select(i => $"r{i} ::= r{i + 1}\n")) + "r5000 ::= \"x\"";
        Assert.True(TextConstraint.Grammar(chain).Accepts("x"));
    }

    private static bool Balanced(string text)
    {
        int opened = text.TakeWhile(c => c == 'a').Count();
        string rest = text[opened..];
        string list = string.Concat(rest.TakeWhile(c => c is 'x' or 'y'));
        string closed = rest[list.Length..];
        return closed.Length == opened && closed.All(c => c is 'b' or 'c') && (list.Length == 0 || (list.EndsWith('y') && list[..^1].All(c => c == 'x')));
    }

    private static bool SumIsRight(string text)
    {
        text = text.Replace(" ", "", StringComparison.Ordinal).Replace("\t", "", StringComparison.Ordinal).Replace("\n", "", StringComparison.Ordinal);
        for (string before = ""; before != text;)
        {
            before = text;
            text = System.Text.RegularExpressions.Regex.Replace(text, "\\(N([-+*/]N)*\\)", "N");
            text = System.Text.RegularExpressions.Regex.Replace(text, "[0-9]+", "N");
        }

        return System.Text.RegularExpressions.Regex.IsMatch(text, "^N([-+*/]N)*=$");
    }
}
