using System.Collections.Concurrent;
using System.Text;
using System.Text.RegularExpressions;
using HybridEngine.Core;
using HybridEngine.Models;
using Xunit;

namespace HybridEngine.Tokenization.Tests;

/// <summary>Our matcher against .NET's where the two read a pattern alike, and by hand where they do not.</summary>
public sealed class PatternMatcherTests
{
    private static readonly string[] Known =
    [
        PatternMatcher.Gpt2,
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        @"[!-/:-~]?[A-Za-z]+|\s+$", @"(?<!\d)\d{2,3}?", @"(?>a+)b|\bab?\b", @"[^\s'a-c]+|(?:ab|a|b1)+",
    ];

    private static readonly ConcurrentDictionary<string, Regex> Regexes = new();

    [Fact]
    public void Find_KnownPatterns_MatchesAsDotNet()
    {
        var random = new Random(20261122);
        for (int round = 0; round < 100; round++)
        {
            // Characters on which the two agree: no plane beyond the first, no U+0085-like differences.
            string text = Text(random, "abZ9 1\n\r\t'sLl.,-é日ſ½/", 40);
            foreach (string pattern in Known) Compare(pattern, text);
        }
    }

    [Fact]
    public void Find_RandomPatterns_MatchesAsDotNet()
    {
        var random = new Random(20261122);
        int compared = 0;
        for (int round = 0; round < 1000; round++)
        {
            string pattern = Pattern(random, 3);
            if (Compare(pattern, Text(random, "aab b1\n'", 14))) compared++;
        }
        // Most random patterns are valid; a parser that refuses them all must not pass.
        Assert.True(compared > 500, $"{compared} patterns were compared");
    }

    [Theory]
    [InlineData("a++a", "aaa", "")]
    [InlineData("a?+a|b", "ab", "1-2")]
    [InlineData("a{2}+", "aaaaa", "0-4")]
    [InlineData("x$", "x\nx", "0-1 2-3")]
    [InlineData(@"\p{L}+", "\U0001D49Cx\U0002070E", "0-3")]
    [InlineData(@"[^\s\p{L}]", "\U0001F600a", "0-1")]
    [InlineData("[\U0001F600-\U0001F64F]+", "a\U0001F601\U0001F602", "1-3")]
    [InlineData("(?i:'s)", "'ſ'S", "0-2 2-4")]
    [InlineData(@"[\p{Han}&&[^\u4e00]]+", "\u4e00\u4e01\u4e02", "1-3")]
    [InlineData(@"\h+", "xf0g", "1-3")]
    [InlineData("a{,2}b{x", "aab{x", "0-5")]
    [InlineData(@"\s", "\u0085\u3000\u200B", "0-1 1-2")]
    public void Find_OnigurumasOwn_ReadsItSo(string pattern, string text, string expected) => Assert.Equal(expected, string.Join(' ', Find(pattern, text).Select(match => $"{match.Start}-{match.End}")));

    [Theory]
    [InlineData(@"(a)\1", @"\1")]
    [InlineData(@"\k<x>", @"\k")]
    [InlineData("[[:alpha:]]", "[:alpha:]")]
    [InlineData(@"\p{Klingon}", "Klingon")]
    [InlineData("(?:a*)*", "can be empty")]
    [InlineData("(?<=a+)b", "varying length")]
    [InlineData("(a", ")")]
    [InlineData("a)", ")")]
    [InlineData("[a", "]")]
    [InlineData("*a", "*")]
    [InlineData("a{9999999}", "1000")]
    [InlineData("((((a{900}){900}){900}){900})", "4096")]
    [InlineData(@"\", "at its end")]
    [InlineData("(?x)a", "(?x")]
    public void Constructor_WhatIsNotImplemented_SaysWhat(string pattern, string named)
    {
        string message = Assert.Throws<UnsupportedException>(() => new PatternMatcher(pattern, "broken.json")).Message;
        Assert.StartsWith("broken.json", message, StringComparison.Ordinal);
        Assert.Contains(named, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("(a+)+b", 'a')]
    [InlineData("(a|aa)+$|b", 'a')]
    [InlineData("a*a*a*a*b", 'a')]
    [InlineData("(?=(a+)+b)a", 'a')]
    public void Find_PatternThatBacktracksWithoutEnd_IsAnErrorThatNamesIt(string pattern, char letter)
    {
        string text = new string(letter, 20_000) + "c";
        string message = Assert.Throws<InvalidInputException>(() => Find(pattern, text)).Message;
        Assert.Contains(pattern, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(@"\s+$")]
    [InlineData(@"\s*[\r\n]+|\s+(?!\S)|\s+")]
    public void Find_ManySpacesBeforeALetter_IsLinear(string pattern)
    {
        // The work is counted, so a quadratic search would throw.
        Find(pattern, new string(' ', 1_000_000) + "a");
    }

    private static bool Compare(string pattern, string text)
    {
        List<(int Start, int End)> actual;
        try
        {
            actual = Find(pattern, text);
        }
        catch (UnsupportedException)
        {
            return false;
        }
        // \u017F is an s for Oniguruma when case is ignored.
        Regex regex = Regexes.GetOrAdd(pattern, key => new Regex(key.Replace("(?i:'s|", "(?i:'[sſ]|", StringComparison.Ordinal), RegexOptions.CultureInvariant | RegexOptions.Multiline));
        (int, int)[] expected = [.. regex.Matches(text).Select(match => (match.Index, match.Index + match.Length))];
        Assert.True(expected.SequenceEqual(actual.Select(match => (match.Start, match.End))), $"{pattern} on {text.Replace("\n", "\\n", StringComparison.Ordinal)}: expected {string.Join(' ', expected)}, got {string.Join(' ', actual)}");
        return true;
    }

    private static List<(int Start, int End)> Find(string pattern, string text)
    {
        var matches = new List<(int Start, int End)>();
        AlignedText aligned = AlignedText.FromString(text);
        new PatternMatcher(pattern, "broken.json").Find(aligned, 0, aligned.Length, matches);
        return matches;
    }

    private static string Text(Random random, string alphabet, int longest) => new([.. Enumerable.Range(0, random.Next(longest)).Select(_ => alphabet[random.Next(alphabet.Length)])]);

    private static string Pattern(Random random, int depth)
    {
        var pattern = new StringBuilder();
        for (int i = random.Next(1, 4); i > 0; i--)
        {
            string atom = random.Next(depth > 0 ? 9 : 5) switch
            {
                0 => "a",
                1 => "b",
                2 => random.Next(2) == 0 ? @"\s" : @"[^\s1]",
                3 => random.Next(2) == 0 ? "[ab]" : @"\p{L}",
                4 => random.Next(3) switch { 0 => "^", 1 => "$", _ => @"\b" },
                5 => $"({Pattern(random, depth - 1)})",
                6 => $"(?:{Pattern(random, depth - 1)}|{Pattern(random, depth - 1)})",
                7 => $"({(random.Next(2) == 0 ? "?=" : "?!")}{Pattern(random, depth - 1)})",
                _ => $"(?>{Pattern(random, depth - 1)})",
            };
            pattern.Append(atom);
            // .NET does not give back the repetitions of an atomic group.
            if (atom is "^" or "$" or @"\b" || (atom[0] == '(' && atom[1] == '?' && atom[2] != ':')) continue;
            pattern.Append(random.Next(9) switch { 0 => "*", 1 => "+", 2 => "?", 3 => "{1,2}", 4 => "+?", 5 => "{2,}", _ => "" });
        }
        return random.Next(4) == 0 && depth > 0 ? $"{pattern}|{Pattern(random, depth - 1)}" : pattern.ToString();
    }
}
