using System.Text.Json;
using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Inference.Tests;
using HybridEngine.Models;
using HybridEngine.Testing;
using Xunit;

namespace HybridEngine.Tests;

/// <summary>Beam searches against transformers' recorded ones, many of them in one batch.</summary>
public sealed class BeamSearchTests
{
    [SkippableTheory, InlineData("a"), InlineData("b"), InlineData("c")]
    public void Run_RecordedSearches_FindTheSameCompletions(string model)
    {
        string folder = SharedData.Require("golden", "sampling", "beam_models", model);
        using JsonDocument records = JsonDocument.Parse(File.ReadAllText(SharedData.Require("golden", "sampling", "beam.json")));
        using IKernels kernels = Backend.Native2.Open();
        using ModelFiles files = ModelFiles.Open(folder);
        using Decoder decoder = Decoder.Load(kernels, files);
        using GenerationEngine engine = new(decoder, new EngineOptions { MaxContext = 64 });
        List<(Generation Found, JsonElement Record, int Row)> all = [];
        foreach (JsonElement record in records.RootElement.EnumerateArray().Where(r => r.GetProperty("model").GetString() == model))
        {
            JsonElement inputs = record.GetProperty("input_ids"), masks = record.GetProperty("attention_mask");
            for (int row = 0; row < inputs.GetArrayLength(); row++)
            {
                int[] mask = Ids(masks[row]), prompt = [.. Ids(inputs[row]).Where((_, i) => mask[i] != 0)];
                // Padding counts as history in transformers: a penalised or repeated pad token that a prompt alone does not have.
                if (prompt.Length < mask.Length && LooksBack(record.GetProperty("options"))) { continue; }
                all.Add((engine.Submit(Request(prompt, mask.Length, record.GetProperty("options"))), record, row));
            }
        }

        engine.Run();
        Assert.True(all.Count > 400, $"only {all.Count} searches");
        foreach ((Generation found, JsonElement record, int row) in all) { Check(found.Results(), record, row); }
        Assert.Equal(0, engine.Load.UsedBlocks);
    }

    private static void Check(GenerationResult[] results, JsonElement record, int row)
    {
        string context = record.GetProperty("options").ToString() + record.GetProperty("input_ids");
        if (record.TryGetProperty("smallest_gap", out JsonElement gap) && gap.GetDouble() < 1e-4) { return; }
        for (int i = 0; i < results.Length; i++)
        {
            int[] expected = Ids(record.GetProperty("generated")[row * results.Length + i]);
            Assert.True(expected.AsSpan().SequenceEqual(results[i].TokenIds), $"found {string.Join(' ', results[i].TokenIds)}, recorded {string.Join(' ', expected)}; {context}");
            if (!record.TryGetProperty("sequences_scores", out JsonElement scores)) { continue; }
            double score = scores[row * results.Length + i].GetDouble();
            Assert.True(Math.Abs(score - results[i].Score!.Value) < 1e-4 + 1e-6 * Math.Abs(score), $"score {results[i].Score}, recorded {score}; {context}");
        }
    }

    private static bool LooksBack(JsonElement options) => options.TryGetProperty("no_repeat_ngram_size", out _) || options.TryGetProperty("repetition_penalty", out _);

    private static int[] Ids(JsonElement e) => [.. e.EnumerateArray().Select(i => i.GetInt32())];

    private static GenerationRequest Request(int[] prompt, int padded, JsonElement o)
    {
        int Whole(string key, int fallback) => o.TryGetProperty(key, out JsonElement e) ? e.GetInt32() : fallback;
        int[] List(string key) => o.TryGetProperty(key, out JsonElement e) ? e.ValueKind == JsonValueKind.Array ? Ids(e) : [e.GetInt32()] : [];
        int beams = Whole("num_beams", 1), most = Whole("max_new_tokens", 12);
        SamplingOptions sampling = new()
        {
            Temperature = 0, MaxTokens = most, IgnoreEos = true, StopTokenIds = List("eos_token_id"), NoRepeatNgram = Whole("no_repeat_ngram_size", 0), MinTokens = Whole("min_new_tokens", 0),
            RepetitionPenalty = o.TryGetProperty("repetition_penalty", out JsonElement p) ? p.GetSingle() : 1, SuppressTokens = List("suppress_tokens"), BeginSuppressTokens = List("begin_suppress_tokens"),
            ForcedEnd = List("forced_eos_token_id"), ForcedStart = padded == 1 ? List("forced_bos_token_id") : [],
            BadWordIds = o.TryGetProperty("bad_words_ids", out JsonElement words) ? [.. words.EnumerateArray().Select(Ids)] : [],
        };
        EarlyStopping early = !o.TryGetProperty("early_stopping", out JsonElement e) ? EarlyStopping.Heuristic : e.ValueKind switch { JsonValueKind.True => EarlyStopping.WhenFull, JsonValueKind.String => EarlyStopping.Never, _ => EarlyStopping.Heuristic };
        return new GenerationRequest
        {
            Prompt = prompt, Sampling = sampling, Choices = Whole("num_return_sequences", 1), DecodeText = false,
            Beams = beams == 1 ? null : new BeamOptions { Beams = beams, LengthPenalty = o.TryGetProperty("length_penalty", out JsonElement l) ? l.GetSingle() : 1, EarlyStopping = early, Renormalize = o.TryGetProperty("renormalize_logits", out JsonElement n) && n.GetBoolean() },
        };
    }
}
