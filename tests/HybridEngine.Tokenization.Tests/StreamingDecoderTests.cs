using System.Text.Json;
using HybridEngine.Models;
using Xunit;

namespace HybridEngine.Tokenization.Tests;

public sealed class StreamingDecoderTests
{
    public static TheoryData<string> Folders => HuggingFaceGoldenTests.Folders;

    [SkippableTheory]
    [MemberData(nameof(Folders))]
    public void Add_GoldenIds_ReleasesTheGoldenPieces(string folder)
    {
        (Tokenizer tokenizer, JsonElement cases) = HuggingFaceGoldenTests.Open(folder);
        Check(tokenizer, cases);
    }

    internal static void Check(Tokenizer tokenizer, JsonElement cases)
    {
        var wrong = new List<string>();
        foreach (JsonElement item in cases.GetProperty("streaming").EnumerateArray())
        {
            int[] ids = item.GetProperty("ids").Ints();
            var decoder = new StreamingDecoder(tokenizer, item.GetProperty("skip_special").GetBoolean());
            string[] pieces = [.. ids.Select(decoder.Add)];
            HuggingFaceGoldenTests.Compare(item.GetProperty("pieces").Texts(), pieces, "pieces", string.Join(',', ids), wrong);
            if (!item.GetProperty("final_extends_released").GetBoolean()) continue;
            string final = string.Concat(pieces) + decoder.Flush();
            HuggingFaceGoldenTests.Compare([item.GetProperty("final").GetString()!], [final], "final", string.Join(',', ids), wrong);
        }
        Assert.True(wrong.Count == 0, HuggingFaceGoldenTests.Report(wrong));
    }

    [SkippableTheory]
    [InlineData("gpt2")]
    [InlineData("llama2")]
    [InlineData("metaspace_always_unk")]
    [InlineData("clip")]
    [InlineData("wordpiece")]
    [InlineData("unigram_t5")]
    public void Add_LongerThanTheWindow_JoinsToTheWholeDecoding(string folder)
    {
        (Tokenizer tokenizer, _) = HuggingFaceGoldenTests.Open(folder);
        const int seed = 20261122;
        var random = new Random(seed);
        for (int round = 0; round < 10; round++)
        {
            string text = RandomText.Next(random, 600);
            int[] ids = tokenizer.Encode(text);
            var decoder = new StreamingDecoder(tokenizer, skipSpecialTokens: false);
            string streamed = string.Concat(ids.Select(decoder.Add)) + decoder.Flush();
            Assert.True(tokenizer.Decode(ids) == streamed, $"seed {seed}, round {round}");
        }
    }

    [SkippableFact]
    public void Add_HalfACharacter_ShowsNothingUntilItIsWhole()
    {
        (Tokenizer tokenizer, _) = HuggingFaceGoldenTests.Open("gpt2");
        int[] ids = tokenizer.Encode("😀");
        Assert.True(ids.Length > 1);
        var decoder = new StreamingDecoder(tokenizer);
        foreach (int id in ids[..^1]) Assert.Equal("", decoder.Add(id));
        Assert.Equal("😀", decoder.Add(ids[^1]));
        decoder.Add(ids[0]);
        Assert.Equal("\uFFFD", decoder.Flush());
    }

    [SkippableFact]
    public void Add_IdBeyondTheVocabulary_GivesNoText()
    {
        (Tokenizer tokenizer, _) = HuggingFaceGoldenTests.Open("gpt2");
        Assert.Equal("", new StreamingDecoder(tokenizer).Add(tokenizer.VocabularySize));
    }
}
