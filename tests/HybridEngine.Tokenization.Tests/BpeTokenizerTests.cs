using System.Text;
using System.Text.Json.Nodes;
using HybridEngine.Models;
using Microsoft.ML.Tokenizers;
using Xunit;
using Tokenizer = HybridEngine.Models.Tokenizer;

namespace HybridEngine.Tokenization.Tests;

/// <summary>The API that stands in for the package Microsoft.ML.Tokenizers; these tests hold against either.</summary>
public sealed class BpeTokenizerTests
{
    [Fact]
    public void EncodeToIds_RandomMergesAndWords_AgreesWithThePlainAlgorithm()
    {
        const int seed = 20261122;
        var random = new Random(seed);
        for (int round = 0; round < 40; round++)
        {
            (Dictionary<string, int> vocabulary, List<(string Left, string Right)> merges) = RandomMerges(random);
            BpeTokenizer tokenizer = BpeTokenizer.Create(new BpeOptions(vocabulary) { Merges = merges.Select(merge => $"{merge.Left} {merge.Right}") });
            for (int i = 0; i < 20; i++)
            {
                // Short and long words take different roads.
                string word = new([.. Enumerable.Range(0, random.Next(1, 90)).Select(_ => (char)random.Next('a', 'd'))]);
                int[] expected = [.. Plain(word, merges).Select(token => vocabulary[token])];
                Assert.True(expected.SequenceEqual(tokenizer.EncodeToIds(word, false, false)), $"seed {seed}, round {round}: {word}");
            }
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("</w>")]
    public void Encode_StretchesAroundTheLongestThatTheLibraryMerges_AgreesWithThePlainAlgorithm(string suffix)
    {
        const int seed = 20261123;
        var random = new Random(seed);
        for (int round = 0; round < 20; round++)
        {
            (Dictionary<string, int> vocabulary, List<(string Left, string Right)> merges) = RandomMerges(random, suffix);
            var json = new JsonObject
            {
                ["model"] = new JsonObject
                {
                    ["type"] = "BPE",
                    ["end_of_word_suffix"] = suffix,
                    ["vocab"] = new JsonObject(vocabulary.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)pair.Value))),
                    ["merges"] = new JsonArray([.. merges.Select(merge => (JsonNode?)$"{merge.Left} {merge.Right}")]),
                },
            };
            Tokenizer tokenizer = Tokenizer.FromJson(Encoding.UTF8.GetBytes(json.ToJsonString()), "random.json", TokenizerSettings.Empty);
            foreach (int length in (int[])[2, 200, 255, 256, 257, 700])
            {
                string word = new([.. Enumerable.Range(0, length).Select(_ => (char)random.Next('a', 'd'))]);
                int[] expected = [.. Plain(word, merges, suffix).Select(token => vocabulary[token])];
                Assert.True(expected.SequenceEqual(tokenizer.Encode(word)), $"seed {seed}, round {round}, length {length}: {word}");
            }
        }
    }

    [Fact]
    public void EncodeToIds_EndOfWordSuffix_MarksTheLastCharacter()
    {
        var vocabulary = new Dictionary<string, int> { ["a"] = 0, ["b"] = 1, ["b</w>"] = 2, ["ab</w>"] = 3 };
        BpeTokenizer tokenizer = BpeTokenizer.Create(new BpeOptions(vocabulary) { Merges = ["a b</w>"], EndOfWordSuffix = "</w>" });
        Assert.Equal([1, 3], tokenizer.EncodeToIds("bab", false, false));
    }

    [Fact]
    public void EncodeToIds_ByteLevel_SeesUtf8()
    {
        var vocabulary = new Dictionary<string, int> { ["Ã"] = 0, ["©"] = 1, ["Ġ"] = 2, ["Ã©"] = 3 };
        BpeTokenizer tokenizer = BpeTokenizer.Create(new BpeOptions(vocabulary) { Merges = ["Ã ©"], ByteLevel = true });
        Assert.Equal([2, 3], tokenizer.EncodeToIds(" é", false, false));
    }

    /// <summary>The definition: the best pair anywhere, leftmost first, until there is none.</summary>
    private static List<string> Plain(string word, List<(string Left, string Right)> merges, string suffix = "")
    {
        List<string> symbols = [.. word.Select(c => c.ToString())];
        symbols[^1] += suffix;
        while (true)
        {
            int best = int.MaxValue, at = -1;
            for (int i = 0; i + 1 < symbols.Count; i++)
            {
                int rank = merges.IndexOf((symbols[i], symbols[i + 1]));
                if (rank >= 0 && rank < best) (best, at) = (rank, i);
            }
            if (at < 0) return symbols;
            symbols[at] += symbols[at + 1];
            symbols.RemoveAt(at + 1);
        }
    }

    private static (Dictionary<string, int> Vocabulary, List<(string, string)> Merges) RandomMerges(Random random, string suffix = "")
    {
        List<string> tokens = suffix.Length > 0 ? ["a", "b", "c", "a" + suffix, "b" + suffix, "c" + suffix] : ["a", "b", "c"];
        var merges = new List<(string, string)>();
        for (int i = 0; i < 25; i++)
        {
            (string, string) pair = (tokens[random.Next(tokens.Count)], tokens[random.Next(tokens.Count)]);
            if (merges.Contains(pair) || (suffix.Length > 0 && pair.Item1.EndsWith(suffix, StringComparison.Ordinal))) continue;
            merges.Add(pair);
            if (!tokens.Contains(pair.Item1 + pair.Item2)) tokens.Add(pair.Item1 + pair.Item2);
        }
        return (tokens.Select((token, id) => (token, id)).ToDictionary(item => item.token, item => item.id), merges);
    }
}
