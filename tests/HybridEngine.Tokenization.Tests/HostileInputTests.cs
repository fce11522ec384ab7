using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using HybridEngine.Core;
using HybridEngine.Models;
using Xunit;
using Xunit.Abstractions;

namespace HybridEngine.Tokenization.Tests;

/// <summary>Damaged files give one clear error, long texts cost what they are long.</summary>
public sealed class HostileInputTests(ITestOutputHelper output)
{
    [SkippableTheory]
    [InlineData("gpt2")]
    [InlineData("llama2")]
    [InlineData("llama3")]
    public void Load_FlippedAndCutBytes_WorksOrNamesTheFile(string folder)
    {
        byte[] good = File.ReadAllBytes(Path.Combine(Golden.Tokenizer(folder), "tokenizer.json"));
        const int seed = 20261122;
        var random = new Random(seed);
        for (int round = 0; round < 60; round++)
        {
            byte[] bad = [.. good];
            for (int i = random.Next(1, 4); i > 0; i--) bad[random.Next(bad.Length)] ^= (byte)(1 << random.Next(8));
            if (round % 3 == 0) bad = bad[..random.Next(bad.Length)];
            Use($"seed {seed}, round {round}", () => Tokenizer.FromJson(bad, "broken.json", TokenizerSettings.Empty), "broken.json");
        }
    }

    [SkippableTheory]
    [InlineData("gpt2")]
    [InlineData("llama2")]
    [InlineData("llama3")]
    [InlineData("phi3")]
    [InlineData("clip")]
    [InlineData("unigram_albert")]
    [InlineData("wordpiece_truncate_pad")]
    public void Load_ValuesOfOtherKinds_WorksOrNamesTheFile(string folder)
    {
        string good = File.ReadAllText(Path.Combine(Golden.Tokenizer(folder), "tokenizer.json"));
        const int seed = 20261122;
        var random = new Random(seed);
        for (int round = 0; round < 60; round++)
        {
            JsonNode root = JsonNode.Parse(good)!;
            // Mostly the small sections, which say what is done; now and then vocabulary and merges.
            string[] sections = ["normalizer", "pre_tokenizer", "post_processor", "decoder", "added_tokens", "model", "truncation", "padding"];
            string section = sections[random.Next(sections.Length)];
            List<JsonNode> nodes = [.. Nodes(root[section]).Take(60)];
            JsonNode? target = nodes.Count > 0 ? nodes[random.Next(nodes.Count)] : null;
            if (target?.Parent is JsonObject parent) parent[target.GetPropertyName()] = Odd(random);
            else if (target?.Parent is JsonArray list) list[target.GetElementIndex()] = Odd(random);
            else root[section] = Odd(random);
            byte[] bad = Encoding.UTF8.GetBytes(root.ToJsonString());
            Use($"seed {seed}, round {round}", () => Tokenizer.FromJson(bad, "broken.json", TokenizerSettings.Empty), "broken.json");
        }
    }

    [SkippableFact]
    public void FromGguf_ValuesOfOtherKinds_WorksOrNamesTheFile()
    {
        const int seed = 20261122;
        var random = new Random(seed);
        for (int round = 0; round < 300; round++)
        {
            Dictionary<string, object> metadata = SmallGguf(random.Next(2) == 0);
            string key = metadata.Keys.ElementAt(random.Next(metadata.Count));
            object[] odd = ["", "llama", "gpt2", -1, uint.MaxValue, 99L, 2.5f, float.NaN, true, Array.Empty<string>(), new[] { "a b", "x" }, new[] { 1, 2, int.MaxValue }, new[] { float.NaN, 1f }, new object[] { "a", 1 }];
            if (random.Next(5) == 0) metadata.Remove(key);
            else metadata[key] = odd[random.Next(odd.Length)];
            Use($"seed {seed}, round {round}, {key}", () => Tokenizer.FromGguf(metadata, "broken.gguf"), "broken.gguf");
        }
    }

    [SkippableFact]
    public void Load_Llama2CVocabulary_CutAnywhere_NamesTheFile()
    {
        string path = Path.Combine(Path.GetTempPath(), $"he-{Guid.NewGuid():N}.bin");
        var random = new Random(20261122);
        try
        {
            for (int round = 0; round < 100; round++)
            {
                byte[] bytes = new byte[random.Next(5000)];
                random.NextBytes(bytes);
                File.WriteAllBytes(path, bytes);
                Use($"round {round}", () => Tokenizer.Load(path), path);
            }
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [InlineData("{\"model\":{\"type\":\"Unigram\",\"vocab\":[]}}", "at least one token")]
    [InlineData("{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",0]],\"unk_id\":1}}", "unk_id")]
    [InlineData("{\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"a\":0}}}", "unk_token")]
    [InlineData("{\"model\":{\"type\":\"Morphemes\",\"vocab\":{\"a\":0}}}", "Morphemes")]
    [InlineData("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0}}}", "merges")]
    [InlineData("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1},\"merges\":[\"a b\"]}}", "'ab'")]
    [InlineData("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":-1},\"merges\":[]}}", "-1")]
    [InlineData("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":2000000000},\"merges\":[]}}", "2000000000")]
    [InlineData("{\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"!\"},\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]}}", "base64")]
    [InlineData("{\"pre_tokenizer\":{\"type\":\"UnicodeScripts\"},\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]}}", "UnicodeScripts")]
    [InlineData("{\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(a)\\\\k<1>\"},\"behavior\":\"Isolated\"},\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]}}", "k<1>")]
    [InlineData("{", "broken.json")]
    [InlineData("[]", "broken.json")]
    public void Load_WhatCannotBeUsed_SaysWhat(string json, string named)
    {
        var error = Assert.ThrowsAny<HybridEngineException>(() => Tokenizer.FromJson(Encoding.UTF8.GetBytes(json), "broken.json", TokenizerSettings.Empty));
        Assert.Contains(named, error.Message);
        Assert.StartsWith("broken.json", error.Message);
        Assert.DoesNotContain('\n', error.Message);
    }

    [SkippableFact]
    public void Decode_IdBeyondTheVocabulary_NamesTheId()
    {
        (Tokenizer tokenizer, _) = HuggingFaceGoldenTests.Open("gpt2");
        Assert.Contains("1500", Assert.Throws<InvalidInputException>(() => tokenizer.Decode([1, 1500])).Message);
        Assert.Throws<InvalidInputException>(() => tokenizer.Decode([-1]));
    }

    [SkippableTheory]
    [MemberData(nameof(HuggingFaceGoldenTests.Folders), MemberType = typeof(HuggingFaceGoldenTests))]
    public void Encode_LongTextWithoutABreak_IsLinear(string folder)
    {
        // Quadratic work on these would take hours: the test would not end.
        (Tokenizer tokenizer, _) = HuggingFaceGoldenTests.Open(folder);
        var random = new Random(1);
        const int length = 100_000;
        string[] texts =
        [
            new string('a', length),
            new string([.. Enumerable.Range(0, length).Select(_ => (char)random.Next('a', 'z' + 1))]),
            new string(' ', length) + "a",
            new string('\u0301', length / 2) + new string('\u0323', length / 2),
            string.Concat(Enumerable.Repeat("<|", length / 2)),
            new string('日', length),
        ];
        foreach (string text in texts)
        {
            int[] ids = tokenizer.Encode(text, addSpecialTokens: false);
            Assert.True(ids.Length <= 4 * length);
            if (text[0] == 'a' && tokenizer.TokenToId("[UNK]") == null) Assert.Equal(text, tokenizer.Decode(ids).Replace("</w>", "", StringComparison.Ordinal).Trim());
        }
    }

    [SkippableFact]
    public void Encode_PlainText_ThroughputPrinted()
    {
        Tokenizer tokenizer = GgufGoldenTests.SmolLM2();
        string text = File.ReadAllText(Testing.SharedData.Require("data", "tinyshakespeare.txt"));
        tokenizer.Encode(text[..1000]);
        var watch = Stopwatch.StartNew();
        int tokens = tokenizer.Encode(text).Length;
        double seconds = watch.Elapsed.TotalSeconds;
        output.WriteLine($"{tokens} tokens, {text.Length / seconds / 1e6:0.0} MB/s");
        Assert.InRange(tokens, text.Length / 10, text.Length);
    }

    private static void Use(string what, Func<Tokenizer> load, string file)
    {
        try
        {
            Tokenizer tokenizer = load();
            const string text = "Hello <s> 12 é😀, a text that is a little longer than the shortest truncation";
            tokenizer.Decode(tokenizer.Encode(text));
            _ = tokenizer.EncodeWithOffsets(text, pair: "and another").Overflowing.Count();
        }
        catch (HybridEngineException error)
        {
            Assert.DoesNotContain('\n', error.Message);
            Assert.True(error.Message.Contains(file) || error.Message.StartsWith("ids"), $"{what}: '{error.Message}' does not name {file}");
        }
        catch (Exception error)
        {
            Assert.Fail($"{what}: {error}");
        }
    }

    private static Dictionary<string, object> SmallGguf(bool sentencePiece) => sentencePiece
        ? new()
        {
            ["tokenizer.ggml.model"] = "llama",
            ["tokenizer.ggml.tokens"] = new[] { "<unk>", "<s>", "</s>", "a", "b", "ab" },
            ["tokenizer.ggml.scores"] = new[] { 0f, 0, 0, -1, -2, -3 },
            ["tokenizer.ggml.token_type"] = new[] { 2, 3, 3, 1, 1, 1 },
            ["tokenizer.ggml.bos_token_id"] = 1u,
            ["tokenizer.ggml.eos_token_id"] = 2u,
            ["tokenizer.ggml.add_bos_token"] = true,
        }
        : new()
        {
            ["tokenizer.ggml.model"] = "gpt2",
            ["tokenizer.ggml.pre"] = "smollm",
            ["tokenizer.ggml.tokens"] = new[] { "<s>", "a", "b", "ab", "H" },
            ["tokenizer.ggml.merges"] = new[] { "a b" },
            ["tokenizer.ggml.token_type"] = new[] { 3, 1, 1, 1, 4 },
            ["tokenizer.ggml.eos_token_id"] = 0u,
            ["tokenizer.chat_template"] = "{{ messages }}",
        };

    private static IEnumerable<JsonNode> Nodes(JsonNode? node) => node switch
    {
        JsonObject members => members.Select(member => member.Value).OfType<JsonNode>().SelectMany(value => Nodes(value).Prepend(value)),
        JsonArray items => items.OfType<JsonNode>().SelectMany(value => Nodes(value).Prepend(value)),
        _ => [],
    };

    private static JsonNode? Odd(Random random) => random.Next(9) switch
    {
        0 => null,
        1 => -1,
        2 => 1e300,
        3 => "",
        4 => "(((",
        5 => true,
        6 => new JsonArray(),
        7 => new JsonObject(),
        _ => "Sequence",
    };
}
