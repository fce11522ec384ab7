using HybridEngine.Core;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Inference.Tests.Constraints;

/// <summary>Damaged grammars and patterns are refused in one line, or describe some language that texts can be tried on.</summary>
public class DamagedConstraintTests
{
    private const int Seed = 20261122;

    private static readonly string[] _grammars =
    [
        "root ::= expr \"=\" ws\nexpr ::= term ([-+*/] term)*\nterm ::= [0-9]+ ws | \"(\" ws expr \")\" ws # nested\nws ::= [ \\t\\n]*",
        "root ::= \"a\" root \"b\" | \"\" | list\nlist ::= \"x\" list | \"y\"",
        "root ::= a{2,3} b{1,}\na ::=\n \"a\" |\n \"A\"\nb ::= [^\\]a-c]{2} .?",
    ];

    private static readonly string[] _patterns =
        [@"[0-9]{3}-[0-9]{4}", @"(a|bc)*d+?(?:e{2,5}|\p{L}\d)\.", @"^[^\s\x00-\x1f]+@(\w+\.)+[a-z]{2,}$", @"\u00e9|\\|[\]\-a-f&&]|(?i:Yes|no)"];

    [Fact]
    public void Grammar_Damaged_IsRefusedInOneLineOrAccepts() =>
        Damage(_grammars, "::=|\"()[]{}*+?\\\n #09,-ax", text => TextConstraint.Grammar(text), "1+2=");

    [Fact]
    public void Regex_Damaged_IsRefusedInOneLineOrAccepts() =>
        Damage(_patterns, "()[]{}*+?|\\^$.,-09apuxPk<=!:", text => TextConstraint.Regex(text), "123-4567");

    private static void Damage(string[] sources, string alphabet, Func<string, TextConstraint> compile, string tried)
    {
        TestRandom random = new(Seed);
        int compiled = 0, refused = 0;
        for (int round = 0; round < 600; round++)
        {
            List<char> text = [.. sources[random.Integer(0, sources.Length)]];
            for (int change = random.Integer(1, 5); change > 0 && text.Count > 1; change--)
            {
                int at = random.Integer(0, text.Count);
                switch (random.Integer(0, 3))
                {
                    case 0: text[at] = alphabet[random.Integer(0, alphabet.Length)]; break;
                    case 1: text.Insert(at, alphabet[random.Integer(0, alphabet.Length)]); break;
                    default: text.RemoveRange(at, random.Integer(1, Math.Min(4, text.Count - at + 1))); break;
                }
            }

            string damaged = new([.. text]);
            try
            {
                compile(damaged).Accepts(tried);
                compiled++;
            }
            catch (HybridEngineException error)
            {
                refused++;
                Assert.DoesNotContain('\n', error.Message);
            }
            catch (Exception error)
            {
                Assert.Fail($"seed {Seed}, round {round}, '{damaged}': {error}");
            }
        }

        Assert.True(compiled > 0 && refused > 0, $"{compiled} compiled, {refused} refused");
    }
}
