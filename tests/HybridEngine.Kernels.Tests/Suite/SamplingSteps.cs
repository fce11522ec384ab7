using System.Text.Json;
using HybridEngine.Core;

namespace HybridEngine.Kernels.Tests;

/// <summary>Recorded steps of other engines as parameters of ours.</summary>
internal static class SamplingSteps
{
    /// <summary>Parameters of one row whose history is given.</summary>
    public static SamplingCase Read(JsonElement[] steps, int[] history, int prompt)
    {
        SamplingRow row = SamplingRow.Plain with { Position = history.Length };
        List<SamplingRule> rules = [];
        foreach (JsonElement step in steps)
        {
            row = Apply(step, row, prompt);
            rules.AddRange(Rules(step, prompt));
        }

        return new SamplingCase([row with { RulesCount = rules.Count }]) { History = [history], Rules = [.. rules] };
    }

    public static int[] Ids(JsonElement e) => [.. e.EnumerateArray().Select(i => i.GetInt32())];

    private static SamplingRow Apply(JsonElement step, SamplingRow row, int prompt)
    {
        float Number(string name) => step.GetProperty(name).GetSingle();
        return step.GetProperty("kind").GetString() switch
        {
            "temperature" => row with { Temperature = Number("temperature") },
            "temp" => row with { Temperature = Number("t") },
            "top_k" => row with { TopK = step.TryGetProperty("top_k", out JsonElement k) ? k.GetInt32() : step.GetProperty("k").GetInt32() },
            "top_p" => row with { TopP = step.TryGetProperty("top_p", out JsonElement p) ? p.GetDouble() : Number("p") },
            "min_p" => row with { MinP = step.TryGetProperty("min_p", out JsonElement p) ? p.GetSingle() : Number("p") },
            "typical_p" => row with { TypicalP = Number("typical_p") },
            "typical" => row with { TypicalP = Number("p") },
            "top_n_sigma" => row with { TopNSigma = Number("n") },
            "epsilon_cutoff" => row with { EpsilonCutoff = Number("epsilon") },
            "eta_cutoff" => row with { EtaCutoff = Number("epsilon") },
            "repetition_penalty" => row with { RepetitionPenalty = Number("penalty") },
            "repetition_penalty_generated_only" => row with { RepetitionPenalty = Number("penalty"), RepetitionStart = prompt },
            "openai_penalties" => row with { FrequencyPenalty = Number("frequency"), PresencePenalty = Number("presence"), CountStart = prompt },
            "penalties" => row with { RepetitionPenalty = Number("repeat"), FrequencyPenalty = Number("frequency"), PresencePenalty = Number("presence"), PenaltyWindow = step.GetProperty("last_n").GetInt32() },
            "no_repeat_ngram" => row with { NoRepeatNgram = step.GetProperty("size").GetInt32() },
            _ => row,
        };
    }

    private static IEnumerable<SamplingRule> Rules(JsonElement step, int prompt)
    {
        int Whole(string name) => step.GetProperty(name).GetInt32();
        int[] List(string name) => step.TryGetProperty(name, out JsonElement e) ? e.ValueKind == JsonValueKind.Array ? Ids(e) : [e.GetInt32()] : [];
        return step.GetProperty("kind").GetString() switch
        {
            // transformers leaves out bad words that are an end token.
            "bad_words" => step.GetProperty("bad_words").EnumerateArray().Select(Ids).Where(w => w.Length > 1 || !List("eos").Contains(w[0])).Select(w => new SamplingRule(w, float.NegativeInfinity)),
            "logit_bias" => step.GetProperty("bias").EnumerateArray().Select(b => new SamplingRule([b[0].GetInt32()], b[1].GetSingle())),
            "sequence_bias" => step.GetProperty("bias").EnumerateArray().Select(b => new SamplingRule(Ids(b[0]), b[1].GetSingle())),
            "min_length" => List("eos").Select(t => new SamplingRule([t], float.NegativeInfinity, 0, Whole("min_length"))),
            "min_new_tokens" => List("eos").Select(t => new SamplingRule([t], float.NegativeInfinity, 0, prompt + Whole("min_new_tokens"))),
            "suppress" => List("tokens").Select(t => new SamplingRule([t], float.NegativeInfinity)),
            "suppress_at_begin" => List("tokens").Select(t => new SamplingRule([t], float.NegativeInfinity, Whole("begin_index"), Whole("begin_index") + 1)),
            "forced_bos" => List("bos").Select(t => new SamplingRule([t], float.PositiveInfinity, 1, 2)),
            "forced_eos" => List("eos").Select(t => new SamplingRule([t], float.PositiveInfinity, Whole("max_length") - 1, Whole("max_length"))),
            "exponential_decay_length" => List("eos").Select(t => new SamplingRule([t], 0, prompt + Whole("start") + 1, int.MaxValue, step.GetProperty("factor").GetSingle())),
            _ => [],
        };
    }
}
