using System.Text.Json;
using HybridEngine.Core;
using HybridEngine.Models;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Tokenization.Tests;

/// <summary>Unigram and WordPiece vocabularies in GGUF metadata against llama.cpp's ids.</summary>
public sealed class GgufUnigramAndWordPieceTests
{
    [SkippableTheory]
    [InlineData("unigram")]
    [InlineData("unigram_all_spaces")]
    [InlineData("wordpiece")]
    [InlineData("gpt-neox")]
    public void Encode_LlamaCppTexts_GivesLlamaCppIds(string kind)
    {
        Dictionary<string, object> metadata = kind switch
        {
            "wordpiece" => WordPiece(),
            "gpt-neox" => GgufMetadata.Read(SharedData.Require("golden", "tokenizers", "gpt-neox.gguf")),
            _ => Unigram(kind == "unigram"),
        };
        Tokenizer tokenizer = Tokenizer.FromGguf(metadata, "made.gguf");
        var wrong = new List<string>();
        foreach (string line in File.ReadLines(RepoRoot.Golden("tokenizers", "llama_cpp", "cases.jsonl")))
        {
            JsonElement record = JsonElement.Parse(line);
            string text = record.GetProperty("text").GetString()!;
            // llama.cpp keeps marks that are characters of their own, does not take Hangul apart, and reads a word mark in a text as a space: there we follow BERT.
            if (kind == "wordpiece" && text.EnumerateRunes().Any(IsOtherwise)) continue;
            HuggingFaceGoldenTests.Compare(record.GetProperty(kind).Ints(), tokenizer.Encode(text, addSpecialTokens: false), "ids", text, wrong);
        }
        Assert.True(wrong.Count == 0, HuggingFaceGoldenTests.Report(wrong));
    }

    [SkippableFact]
    public void Encode_SpecialTokens_AreThoseOfTheKind()
    {
        Tokenizer unigram = Tokenizer.FromGguf(Unigram(true), "made.gguf"), wordPiece = Tokenizer.FromGguf(WordPiece(), "made.gguf");
        Assert.Equal(unigram.TokenToId("</s>"), unigram.Encode("a")[^1]);
        Assert.NotEqual(unigram.BosTokenId, unigram.Encode("a")[0]);
        Assert.Equal("hello world", unigram.Decode(unigram.Encode("hello world"), skipSpecialTokens: true));
        int[] ids = wordPiece.Encode("hello world");
        Assert.Equal(wordPiece.TokenToId("[CLS]"), ids[0]);
        Assert.Equal(wordPiece.TokenToId("[SEP]"), ids[^1]);
        Assert.Equal([0, 0, 1, 1], wordPiece.EncodeWithOffsets("", pair: "a").TypeIds.Order().ToArray()[..4]);
    }

    [Theory]
    [InlineData(new byte[] { 1, 2 })]
    [InlineData(new byte[] { 255, 255, 255, 127, 0, 0, 0, 0 })]
    [InlineData(new byte[] { 5, 0, 0, 0, 1, 2, 3, 4, 5 })]
    public void FromGguf_CutCharacterMap_NamesTheFile(byte[] map)
    {
        Dictionary<string, object> metadata = Tiny();
        metadata["tokenizer.ggml.precompiled_charsmap"] = map;
        Assert.StartsWith("made.gguf", Assert.Throws<InvalidInputException>(() => Tokenizer.FromGguf(metadata, "made.gguf")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Encode_RandomCharacterMaps_NeitherHangsNorCrashes()
    {
        var random = new Random(20261122);
        for (int round = 0; round < 200; round++)
        {
            byte[] map = new byte[4 + 4 * random.Next(400)];
            random.NextBytes(map);
            BitConverter.TryWriteBytes(map, (map.Length - 4) / 8 * 4);
            Dictionary<string, object> metadata = Tiny();
            metadata["tokenizer.ggml.precompiled_charsmap"] = map;
            Tokenizer tokenizer = Tokenizer.FromGguf(metadata, "made.gguf");
            tokenizer.Decode(tokenizer.Encode(RandomText.Next(random, 100)));
        }
    }

    private static bool IsOtherwise(System.Text.Rune rune) => rune.Value is 0x2581 or >= 0xAC00 and <= 0xD7A3 || System.Text.Rune.GetUnicodeCategory(rune) == System.Globalization.UnicodeCategory.NonSpacingMark;

    private static Dictionary<string, object> Tiny() => new()
    {
        ["tokenizer.ggml.model"] = "t5",
        ["tokenizer.ggml.tokens"] = new[] { "<pad>", "</s>", "<unk>", "\u2581", "a" },
        ["tokenizer.ggml.scores"] = new[] { 0f, 0, 0, -1, -2 },
        ["tokenizer.ggml.token_type"] = new[] { 3, 3, 2, 1, 1 },
    };

    private static Dictionary<string, object> Unigram(bool mapped)
    {
        JsonElement vocabulary = Model("unigram_t5").GetProperty("vocab");
        string[] extra = ["<extra_id_0>", "<extra_id_1>", "<extra_id_2>", "<extra_id_3>"];
        string[] texts = [.. vocabulary.EnumerateArray().Select(item => item[0].GetString()!), .. extra];
        int[] types = [.. texts.Select(text => text switch { "<pad>" or "</s>" => 3, "<unk>" => 2, _ => extra.Contains(text) ? 4 : 1 })];
        var metadata = new Dictionary<string, object>
        {
            ["tokenizer.ggml.model"] = "t5",
            ["tokenizer.ggml.tokens"] = texts,
            ["tokenizer.ggml.scores"] = vocabulary.EnumerateArray().Select(item => item[1].GetSingle()).Concat(new float[extra.Length]).ToArray(),
            ["tokenizer.ggml.token_type"] = types,
            ["tokenizer.ggml.eos_token_id"] = 1u,
            ["tokenizer.ggml.unknown_token_id"] = 2u,
            ["tokenizer.ggml.remove_extra_whitespaces"] = mapped,
        };
        if (mapped) metadata["tokenizer.ggml.precompiled_charsmap"] = Convert.FromBase64String(File.ReadAllText(RepoRoot.Golden("tokenizers", "llama_cpp", "charsmap.base64")));
        return metadata;
    }

    private static Dictionary<string, object> WordPiece()
    {
        string[] texts = [.. Model("wordpiece").GetProperty("vocab").EnumerateObject().OrderBy(token => token.Value.GetInt32()).Select(token => token.Name)];
        string[] special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
        return new()
        {
            ["tokenizer.ggml.model"] = "bert",
            ["tokenizer.ggml.tokens"] = texts.Select(text => special.Contains(text) ? text : text.StartsWith("##", StringComparison.Ordinal) ? text[2..] : "\u2581" + text).ToArray(),
            ["tokenizer.ggml.token_type"] = texts.Select(text => special.Contains(text) ? 3 : 1).ToArray(),
            ["tokenizer.ggml.unknown_token_id"] = 1u,
            ["tokenizer.ggml.cls_token_id"] = 2u,
            ["tokenizer.ggml.seperator_token_id"] = 3u,
        };
    }

    private static JsonElement Model(string folder) => Golden.Json(Path.Combine(Golden.Tokenizer(folder), "tokenizer.json")).GetProperty("model");
}
