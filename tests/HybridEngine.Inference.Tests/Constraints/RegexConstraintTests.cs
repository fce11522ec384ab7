using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Models;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Inference.Tests.Constraints;

public class RegexConstraintTests
{
    [Fact]
    public void Regex_RecordedCases_AcceptsWherePythonMatches()
    {
        using JsonDocument cases = JsonDocument.Parse(File.ReadAllText(RepoRoot.Golden("constraints", "regex.json")));
        int texts = 0;
        foreach (JsonElement group in cases.RootElement.EnumerateArray())
        {
            string pattern = group.GetProperty("pattern").GetString()!;
            TextConstraint constraint = TextConstraint.Regex(pattern);
            foreach (JsonElement test in group.GetProperty("cases").EnumerateArray())
            {
                string text = test.GetProperty("text").GetString()!;
                Assert.True(test.GetProperty("match").GetBoolean() == constraint.Accepts(text), $"{pattern} on '{text}'");
                texts++;
            }
        }

        Assert.Equal(1079, texts);
    }

    [Theory]
    [InlineData("(?=a)b", "look-ahead")]
    [InlineData("(?!a)b", "look-ahead")]
    [InlineData("(?<=a)b", "look-behind")]
    [InlineData("(?<!a)b", "look-behind")]
    [InlineData("(a)\\1", "back-reference")]
    [InlineData("(?P<n>a)(?P=n)", "back-reference")]
    [InlineData("\\bword", "word boundary")]
    [InlineData("(?i)a", "flag")]
    [InlineData("a++", "possessive")]
    [InlineData("(?>a)", "atomic")]
    [InlineData("(a{1000}){1000}", "repeats this much")]
    [InlineData("((((a{0,99}){0,99}){0,99}){0,99}){0,99}", "repeats this much")]
    public void Regex_WhatAnAutomatonCannotDo_IsRefusedByName(string pattern, string name)
    {
        var error = Assert.Throws<UnsupportedException>(() => TextConstraint.Regex(pattern));
        Assert.Contains(name, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("(a")]
    [InlineData("a)")]
    [InlineData("[a")]
    [InlineData("*a")]
    [InlineData("a**")]
    [InlineData("^*")]
    [InlineData("a{3,2}")]
    [InlineData("[z-a]")]
    [InlineData("\\")]
    [InlineData("\\q")]
    [InlineData("\\x4")]
    [InlineData("\\ud800")]
    public void Regex_NotARegularExpression_IsRefusedInOneLine(string pattern)
    {
        var error = Assert.Throws<InvalidInputException>(() => TextConstraint.Regex(pattern));
        Assert.StartsWith("regex: found ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Regex_RandomPatterns_AgreesWithDotNet()
    {
        TestRandom random = new();
        for (int round = 0; round < 300; round++)
        {
            string pattern = RandomPattern(random, 3);
            TextConstraint constraint = TextConstraint.Regex(pattern);
            var oracle = new System.Text.RegularExpressions.Regex($"\\A(?:{pattern})\\z", RegexOptions.NonBacktracking);
            for (int i = 0; i < 30; i++)
            {
                string text = RandomText(random);
                Assert.True(oracle.IsMatch(text) == constraint.Accepts(text), $"{pattern} on '{text}', {random}");
            }
        }
    }

    [Fact]
    public void Compile_RandomWalks_EndInAMatchForEveryPattern()
    {
        TestRandom random = new();
        for (int round = 0; round < 40; round++)
        {
            string pattern = RandomPattern(random, 3);
            ConstraintVocabulary vocabulary = Vocabularies.Random(random);
            TextConstraint constraint = TextConstraint.Regex(pattern);
            if (!CanMatch(constraint, vocabulary)) { continue; }
            string text = RandomWalk.Text(vocabulary, null, RandomWalk.Draw(constraint.Compile(vocabulary), vocabulary.EndTokens, random, 60));
            // .NET matches UTF-16 units: one unit for every character.
            text = string.Concat(text.EnumerateRunes().Select(rune => rune.IsBmp ? rune.ToString() : "é"));
            Assert.True(System.Text.RegularExpressions.Regex.IsMatch(text, $"\\A(?:{pattern})\\z", RegexOptions.NonBacktracking), $"{pattern} gave '{text}', {random}");
        }
    }

    [Fact]
    public void AllowedTokens_EveryPrefix_IsWhatSteppingEveryTokenAloneGives()
    {
        TestRandom random = new();
        ConstraintVocabulary vocabulary = Vocabularies.Random(random);
        TextConstraint pattern = TextConstraint.Regex("\\{\"name\": (\"[^\"]{0,9}\"|true|-?[0-9]+(\\.5)?), \"b\": [ab]*é?日本\\}|(a|b)*x{2,4}");
        TextConstraint schema = TextConstraint.JsonSchema("""{"type":"object","properties":{"name":{"type":"string","maxLength":6},"a":{"type":"array","items":{"type":["integer","string"]}}}}""");
        TokenConstraint[] compiled = [pattern.Compile(vocabulary), schema.Compile(vocabulary)];
        for (int walk = 0; walk < 8; walk++)
        {
            ConstraintState state = compiled[walk % 2].Start();
            for (int step = 0; step < 30 && !state.MustEnd; step++)
            {
                List<int> allowed = RandomWalk.Allowed(state.AllowedTokens);
                var alone = new List<int>();
                for (int token = 0; token < vocabulary.Size; token++)
                {
                    try { state.Clone().Accept(token); alone.Add(token); }
                    catch (InvalidInputException) { }
                }

                Assert.True(alone.SequenceEqual(allowed), $"missing {string.Join(',', alone.Except(allowed).Select(token => $"{token} {Convert.ToHexString(vocabulary.Bytes(token, false))}"))}, too many {string.Join(',', allowed.Except(alone).Select(token => $"{token} {Convert.ToHexString(vocabulary.Bytes(token, false))}"))}, {random}");
                state.Accept(allowed[random.Integer(0, allowed.Count - (state.IsComplete ? 1 : 0))]);
            }
        }
    }

    [SkippableTheory]
    [InlineData("smollm2")]
    [InlineData("llama2")]
    public void Compile_RealVocabulary_DecodedTextMatches(string name)
    {
        (ConstraintVocabulary vocabulary, Tokenizer tokenizer) = name == "smollm2" ? Vocabularies.SmolLm2() : Vocabularies.Llama2();
        TestRandom random = new();
        foreach (string pattern in (string[])["[a-z]{1,12}", "(yes|no|maybe), \\w+\\.", "\\d{3}-\\d{4}", ".{0,40}", "[α-ω]{1,3} é+", "\"([^\"\\\\]|\\\\.){0,20}\"", "[\\u4e00-\\u9fff😀]{2}"])
        {
            TokenConstraint constraint = TextConstraint.Regex(pattern).Compile(vocabulary);
            for (int i = 0; i < 4; i++)
            {
                string text = RandomWalk.Text(vocabulary, tokenizer, RandomWalk.Draw(constraint, vocabulary.EndTokens, random, 60));
                Assert.True(TextConstraint.Regex(pattern).Accepts(text), $"{pattern} gave '{text}', {random}");
                Assert.False(text.Contains('\uFFFD', StringComparison.Ordinal));
            }
        }
    }

    [Fact]
    public void Compile_VocabularyWithoutSomeBytes_UsesOnlyWhatCanBeFinished()
    {
        // "é" is one token and its bytes are none; "ü" cannot be written at all.
        byte[][] tokens = [.. ((string[])["a", "b", "é", "aé", "aü"]).Select(Encoding.UTF8.GetBytes), [0xC3], []];
        ConstraintVocabulary vocabulary = ConstraintVocabulary.FromBytes(tokens, [6]);
        ConstraintState state = TextConstraint.Regex("a[éü]|aüb").Compile(vocabulary).Start();
        Assert.Equal([0, 3], RandomWalk.Allowed(state.AllowedTokens));
        state.Accept(0);
        Assert.Equal([2], RandomWalk.Allowed(state.AllowedTokens));
        Assert.Throws<InvalidInputException>(() => TextConstraint.Regex("ü").Compile(vocabulary));
    }

    [Fact]
    public void Step_BudgetExceeded_ForgetsAndStaysRight()
    {
        Node entry = PatternNodes.Whole(Anchors.Resolve(RegexParser.Parse("(a|b)*a(a|b){12}", RegexDialect.Python, "regex")), "regex", CodePointSet.All);
        var recognizer = new Recognizer(entry, budget: 100_000);
        TestRandom random = new();
        for (int round = 0; round < 50; round++)
        {
            string text = string.Concat(Enumerable.Range(0, 100).Select(_ => random.Integer(0, 2) == 0 ? 'a' : 'b'));
            Assert.Equal(text[^13] == 'a', recognizer.Step(recognizer.Start, Encoding.UTF8.GetBytes(text)).IsAccepting);
        }

        Assert.True(recognizer.Forgotten > 0);
    }

    [Fact]
    public void Compile_UsedByThreads_GivesTheSameMasks()
    {
        TestRandom random = new();
        ConstraintVocabulary vocabulary = Vocabularies.Random(random);
        TokenConstraint shared = TextConstraint.Regex("([ab]{1,3}(x|é)*,){4}").Compile(vocabulary);
        uint[][] Walk(TokenConstraint constraint)
        {
            ConstraintState state = constraint.Start();
            var masks = new List<uint[]>();
            for (int step = 0; step < 20 && !state.MustEnd; step++)
            {
                masks.Add(state.AllowedTokens.ToArray());
                List<int> allowed = RandomWalk.Allowed(state.AllowedTokens);
                state.Accept(allowed[step * 7 % allowed.Count]);
            }

            return [.. masks];
        }

        uint[][][] results = new uint[8][][];
        Parallel.For(0, results.Length, i => results[i] = Walk(shared));
        uint[][] alone = Walk(TextConstraint.Regex("([ab]{1,3}(x|é)*,){4}").Compile(vocabulary));
        foreach (uint[][] masks in results) { Assert.Equal(alone, masks); }
    }

    [Fact]
    public void Choice_Texts_AcceptsThoseAlone()
    {
        TextConstraint choice = TextConstraint.Choice(["yes", "yes, please", "no.*"]);
        Assert.True(choice.Accepts("yes"));
        Assert.True(choice.Accepts("yes, please"));
        Assert.True(choice.Accepts("no.*"));
        Assert.False(choice.Accepts("no"));
        Assert.False(choice.Accepts("yes, "));
        Assert.False(choice.Accepts(""));
    }

    private static bool CanMatch(TextConstraint constraint, ConstraintVocabulary vocabulary)
    {
        try { constraint.Compile(vocabulary); return true; }
        catch (InvalidInputException) { return false; }
    }

    private static string RandomText(TestRandom random) =>
        string.Concat(Enumerable.Range(0, random.Integer(0, 8)).Select(_ => (string[])["a", "b", "x", "1", " ", "-"]).Select(letters => letters[random.Integer(0, letters.Length)]));

    private static string RandomPattern(TestRandom random, int depth)
    {
        string Inner() => RandomPattern(random, depth - 1);
        if (depth == 0) { return ((string[])["a", "b", "x", "[ab]", "[^a]", "\\d", "\\w", ".", "ab"])[random.Integer(0, 9)]; }
        return random.Integer(0, 8) switch
        {
            0 => Inner() + Inner(),
            1 => $"(?:{Inner()}|{Inner()})",
            2 => $"(?:{Inner()})*",
            3 => $"({Inner()}){{{random.Integer(0, 2)},{random.Integer(2, 4)}}}",
            4 => $"(?:{Inner()})?{Inner()}",
            5 => $"(?:^{Inner()}|{Inner()}$)",
            6 => $"(?:{Inner()}|){Inner()}",
            _ => $"(?:{Inner()})+?{Inner()}",
        };
    }
}
