using System.Text;
using System.Text.Json;
using HybridEngine.Models;
using Xunit;

namespace HybridEngine.Tokenization.Tests;

/// <summary>tokenizer.json files against what the tokenizers library gave for them.</summary>
public sealed class HuggingFaceGoldenTests
{
    public static TheoryData<string> Folders { get; } =
    [
        "gpt2", "roberta_prefix_space", "llama3", "qwen2", "llama2", "phi3", "mistral_metaspace_first", "metaspace_always_unk",
        "gemma", "smollm", "neox", "deepseek", "deepseek_v3", "clip", "unigram_t5", "unigram_albert", "wordpiece", "wordpiece_truncate_pad",
    ];

    [SkippableTheory]
    [MemberData(nameof(Folders))]
    public void Encode_GoldenTexts_GivesIdsTokensAndOffsets(string folder)
    {
        (Tokenizer tokenizer, JsonElement cases) = Open(folder);
        CheckEncode(tokenizer, cases);
    }

    internal static void CheckEncode(Tokenizer tokenizer, JsonElement cases)
    {
        var wrong = new List<string>();
        foreach (JsonElement item in cases.GetProperty("cases").EnumerateArray())
        {
            string text = item.GetProperty("text").GetString()!;
            string? pair = item.TryGetProperty("pair", out JsonElement second) ? second.GetString() : null;
            TokenizedText with = tokenizer.EncodeWithOffsets(text, true, pair), without = tokenizer.EncodeWithOffsets(text, false, pair);
            Compare(item.GetProperty("ids_with_special").Ints(), with.Ids, "ids with special", text, wrong);
            Compare(item.GetProperty("ids_without_special").Ints(), without.Ids, "ids without special", text, wrong);
            Compare(item.GetProperty("tokens").Texts(), with.Tokens, "tokens", text, wrong);
            Compare(item.GetProperty("offsets").Pairs(), with.Offsets, "offsets", text, wrong);
            int[] typeIds = item.TryGetProperty("type_ids", out JsonElement types) ? types.Ints() : new int[with.Ids.Count];
            Compare(typeIds, with.TypeIds, "type ids", text, wrong);
            int[] mask = item.TryGetProperty("attention_mask", out JsonElement given) ? given.Ints() : [.. with.Ids.Select(_ => 1)];
            Compare(mask, with.AttentionMask, "attention mask", text, wrong);
            string[] overflowing = item.TryGetProperty("overflowing_ids", out JsonElement parts) ? [.. parts.EnumerateArray().Select(part => string.Join(',', part.Ints()))] : [];
            Compare(overflowing, [.. with.Overflowing.Select(part => string.Join(',', part.Ids))], "overflowing ids", text, wrong);
        }
        Assert.True(wrong.Count == 0, Report(wrong));
    }

    [SkippableTheory]
    [MemberData(nameof(Folders))]
    public void Encode_SingleCharacters_GivesIds(string folder)
    {
        (Tokenizer tokenizer, JsonElement cases) = Open(folder);
        CheckSingleCharacters(tokenizer, cases);
    }

    internal static void CheckSingleCharacters(Tokenizer tokenizer, JsonElement cases)
    {
        var wrong = new List<string>();
        foreach (JsonElement item in cases.GetProperty("single_chars").EnumerateArray())
            Compare(item[1].Ints(), tokenizer.EncodeWithOffsets(item[0].GetString()!, false).Ids, "ids", item[0].GetString()!, wrong);
        Assert.True(wrong.Count == 0, Report(wrong));
    }

    [SkippableTheory]
    [MemberData(nameof(Folders))]
    public void Decode_GoldenIds_GivesTexts(string folder)
    {
        (Tokenizer tokenizer, JsonElement cases) = Open(folder);
        CheckDecode(tokenizer, cases);
    }

    internal static void CheckDecode(Tokenizer tokenizer, JsonElement cases)
    {
        var wrong = new List<string>();
        foreach (JsonElement item in cases.GetProperty("cases").EnumerateArray())
        {
            int[] ids = item.GetProperty("ids_with_special").Ints();
            Compare([item.GetProperty("decoded_skip_special").GetString()!], [tokenizer.Decode(ids, true)], "decoded, skip", string.Join(',', ids), wrong);
            Compare([item.GetProperty("decoded_keep_special").GetString()!], [tokenizer.Decode(ids)], "decoded, keep", string.Join(',', ids), wrong);
        }
        foreach (JsonElement item in cases.GetProperty("tokens").EnumerateArray())
        {
            int id = item[0].GetInt32();
            Compare([item[1].GetString()!, item[2].GetString()!], [tokenizer.IdToToken(id)!, tokenizer.Decode([id])], "token", id.ToString(), wrong);
        }
        Assert.True(wrong.Count == 0, Report(wrong));
    }

    internal static (Tokenizer Tokenizer, JsonElement Cases) Open(string folder)
    {
        string path = Golden.Tokenizer(folder);
        return (Tokenizer.Load(path), Golden.Json(Path.Combine(path, "cases.json")));
    }

    internal static void Compare<T>(IReadOnlyList<T> expected, IReadOnlyList<T> actual, string what, string text, List<string> wrong)
    {
        if (expected.SequenceEqual(actual)) return;
        string first = string.Join(' ', expected), second = string.Join(' ', actual);
        // Long texts are shown from a little before the place where they part.
        int from = Math.Max(0, first.AsSpan().CommonPrefixLength(second) - 60);
        wrong.Add($"{what} of '{Escape(text)}': expected {Escape(Part(first))}, got {Escape(Part(second))}");

        string Part(string whole) => whole.Length <= 300 ? whole : $"...{whole[from..Math.Min(whole.Length, from + 240)]}";
    }

    internal static string Report(List<string> wrong) => $"{wrong.Count} wrong\n" + string.Join('\n', wrong.Take(8));

    private static string Escape(string text)
    {
        var builder = new StringBuilder();
        foreach (char c in text) builder.Append(c is < ' ' or > '~' ? $"\\u{(int)c:X4}" : c);
        return builder.ToString();
    }
}
