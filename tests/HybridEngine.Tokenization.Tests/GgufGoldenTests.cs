using System.Text.Json;
using HybridEngine.Models;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Tokenization.Tests;

/// <summary>Vocabularies in GGUF files against llama.cpp's ids, and the real model's vocabulary against the tokenizers library's.</summary>
public sealed class GgufGoldenTests
{
    [SkippableTheory]
    [InlineData("gpt-2")]
    [InlineData("llama-spm")]
    [InlineData("phi-3")]
    [InlineData("falcon")]
    public void Encode_LlamaCppTexts_GivesLlamaCppIds(string name)
    {
        string file = SharedData.Require("golden", "tokenizers", name + ".gguf");
        Tokenizer tokenizer = Tokenizer.FromGguf(GgufMetadata.Read(file), file);
        // Each text is followed by a separator, the last one too.
        string[] texts = File.ReadAllText(file + ".inp").Split("\n__ggml_vocab_test__\n")[..^1];
        string[] lines = File.ReadAllLines(file + ".out");
        Assert.Equal(lines.Length, texts.Length);
        var wrong = new List<string>();
        for (int i = 0; i < texts.Length; i++)
        {
            int[] expected = [.. lines[i].Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)];
            int[] actual = tokenizer.Encode(texts[i], addSpecialTokens: false);
            HuggingFaceGoldenTests.Compare(expected, actual, "ids", texts[i], wrong);
        }
        Assert.True(wrong.Count == 0, HuggingFaceGoldenTests.Report(wrong));
    }

    [SkippableFact]
    public void SmolLM2_GoldenCases_AgreeInEverything()
    {
        JsonElement cases = Golden.Json(Path.Combine(SharedData.Require("golden", "tokenizers_hf", "smollm2"), "cases.json"));
        HuggingFaceGoldenTests.CheckEncode(SmolLM2(), cases);
        HuggingFaceGoldenTests.CheckSingleCharacters(SmolLM2(), cases);
        HuggingFaceGoldenTests.CheckDecode(SmolLM2(), cases);
        StreamingDecoderTests.Check(SmolLM2(), cases);
    }

    [SkippableFact]
    public void SmolLM2_SpecialTokens_AreNamed()
    {
        Tokenizer tokenizer = SmolLM2();
        Assert.Equal(49152, tokenizer.VocabularySize);
        Assert.Equal(tokenizer.TokenToId("<|im_start|>"), tokenizer.BosTokenId);
        Assert.Equal(tokenizer.TokenToId("<|im_end|>"), tokenizer.EosTokenId);
        Assert.Contains(tokenizer.EosTokenId!.Value, tokenizer.EndTokenIds);
        Assert.NotNull(tokenizer.ChatTemplate);
    }

    [SkippableFact]
    public void Llama2C_Story_RoundTrips()
    {
        Tokenizer tokenizer = Tokenizer.Load(SharedData.Require("models", "tok512.bin"));
        Assert.Equal(512, tokenizer.VocabularySize);
        const string text = "Once upon a time, there was a little girl named Lily. 日本";
        int[] ids = tokenizer.Encode(text);
        Assert.Equal(1, ids[0]);
        // The ids that llama2.c's run.c begins its prompt "Once upon a time" with.
        Assert.Equal([1, 403, 407, 261, 378], ids[..5]);
        Assert.Equal(text, tokenizer.Decode(ids, skipSpecialTokens: true));
    }

    private static readonly Lazy<Tokenizer> Loaded = new(() =>
    {
        string file = SharedData.At("models", "SmolLM2-135M-Instruct.Q4_1.gguf");
        return Tokenizer.FromGguf(GgufMetadata.Read(file), file);
    });

    internal static Tokenizer SmolLM2()
    {
        SharedData.Require("models", "SmolLM2-135M-Instruct.Q4_1.gguf");
        return Loaded.Value;
    }
}
