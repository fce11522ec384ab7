using System.Globalization;
using System.Text.Json;
using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Rlhf;

namespace HybridEngine.Cli.Input;

/// <summary>The sampling fields of a line of <c>--input</c>, by vLLM's and transformers' names; they win over the command line.</summary>
internal static class SamplingFields
{
    /// <summary>All names.</summary>
    public static readonly string[] Keys =
    [
        "max_tokens", "temperature", "top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff", "top_n_sigma", "repetition_penalty", "presence_penalty", "frequency_penalty", "penalty_window",
        "no_repeat_ngram_size", "min_tokens", "logit_bias", "bad_words", "bad_words_ids", "suppress_tokens", "begin_suppress_tokens", "forced_start", "forced_eos_token_id", "stop", "stop_token_ids", "ignore_eos", "seed", "logprobs",
    ];

    /// <summary>The options with the line's fields on top.</summary>
    /// <exception cref="InvalidInputException">A field is of another kind than expected.</exception>
    public static SamplingOptions Read(JsonLine line, SamplingOptions o) => o with
    {
        MaxTokens = line.Int("max_tokens", o.MaxTokens),
        Temperature = (float)line.Number("temperature", o.Temperature),
        TopK = line.Int("top_k", o.TopK),
        TopP = (float)line.Number("top_p", o.TopP),
        MinP = (float)line.Number("min_p", o.MinP),
        TypicalP = (float)line.Number("typical_p", o.TypicalP),
        EpsilonCutoff = (float)line.Number("epsilon_cutoff", o.EpsilonCutoff),
        EtaCutoff = (float)line.Number("eta_cutoff", o.EtaCutoff),
        TopNSigma = (float)line.Number("top_n_sigma", o.TopNSigma),
        RepetitionPenalty = (float)line.Number("repetition_penalty", o.RepetitionPenalty),
        PresencePenalty = (float)line.Number("presence_penalty", o.PresencePenalty),
        FrequencyPenalty = (float)line.Number("frequency_penalty", o.FrequencyPenalty),
        PenaltyWindow = line.Int("penalty_window", o.PenaltyWindow),
        NoRepeatNgram = line.Int("no_repeat_ngram_size", o.NoRepeatNgram),
        MinTokens = line.Int("min_tokens", o.MinTokens),
        LogitBias = LogitBias(line) ?? o.LogitBias,
        BadWords = line.Texts("bad_words", o.BadWords),
        BadWordIds = BadWordIds(line) ?? o.BadWordIds,
        SuppressTokens = line.TryIds("suppress_tokens") ?? o.SuppressTokens,
        BeginSuppressTokens = line.TryIds("begin_suppress_tokens") ?? o.BeginSuppressTokens,
        ForcedStart = line.TryIds("forced_start") ?? o.ForcedStart,
        ForcedEnd = line.TryIds("forced_eos_token_id") ?? o.ForcedEnd,
        StopTexts = line.Texts("stop", o.StopTexts),
        StopTokenIds = line.TryIds("stop_token_ids") ?? o.StopTokenIds,
        IgnoreEos = line.Flag("ignore_eos", o.IgnoreEos),
        Seed = line.Whole("seed", o.Seed),
        TopLogProbs = line.Int("logprobs", o.TopLogProbs),
    };

    /// <summary>A whole number of 32 bits, or the fallback when the key is missing; beyond them it is out of every option's range.</summary>
    public static int Int(this JsonLine line, string key, int fallback) => (int)Math.Clamp(line.Whole(key, fallback), int.MinValue, int.MaxValue);

    private static Dictionary<int, float>? LogitBias(JsonLine line)
    {
        if (!line.Value.TryGetProperty("logit_bias", out JsonElement e)) { return null; }
        if (e.ValueKind != JsonValueKind.Object) { throw line.WrongType("logit_bias", e, "an object of token ids and numbers"); }
        Dictionary<int, float> biases = [];
        foreach (JsonProperty p in e.EnumerateObject())
        {
            bool ok = int.TryParse(p.Name, NumberStyles.None, CultureInfo.InvariantCulture, out int id) && p.Value.ValueKind == JsonValueKind.Number;
            biases[ok ? id : throw line.WrongType("logit_bias", e, "an object of token ids and numbers")] = p.Value.GetSingle();
        }

        return biases;
    }

    private static IReadOnlyList<IReadOnlyList<int>>? BadWordIds(JsonLine line)
    {
        if (!line.Value.TryGetProperty("bad_words_ids", out JsonElement e)) { return null; }
        bool ok = e.ValueKind == JsonValueKind.Array && e.EnumerateArray().All(w => w.ValueKind == JsonValueKind.Array && w.EnumerateArray().All(i => i.ValueKind == JsonValueKind.Number && i.TryGetInt32(out _)));
        if (!ok) { throw line.WrongType("bad_words_ids", e, "a list of lists of token ids"); }
        return [.. e.EnumerateArray().Select(w => (IReadOnlyList<int>)[.. w.EnumerateArray().Select(i => i.GetInt32())])];
    }
}
