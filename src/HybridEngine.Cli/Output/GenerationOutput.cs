using System.Text.Json;
using HybridEngine.Cli.Input;
using HybridEngine.Inference;

namespace HybridEngine.Cli.Output;

/// <summary>Writes completions: a JSON line a prompt, or text for people (streamed when there is one completion).</summary>
internal sealed class GenerationOutput(bool json, bool sampledLogProbs, Func<PromptLine, SequenceScores>? promptScores = null)
{
    private bool _streamed;

    /// <summary>True when pieces are shown as they come.</summary>
    public bool Streams(IReadOnlyList<PromptLine> prompts) => !json && prompts.Count == 1 && prompts[0] is { Choices: 1, BestOf: 0 };

    /// <summary>Shows a piece.</summary>
    public void Piece(GeneratedToken token)
    {
        _streamed = true;
        Console.Out.Write(token.Text);
        Console.Out.Flush();
        if (token.FinishReason != FinishReason.None) { Console.Out.WriteLine(); }
    }

    /// <summary>A finished prompt.</summary>
    public void Write(int index, PromptLine prompt, GenerationResult[] results)
    {
        if (json)
        {
            JsonLine.Write(w => Write(w, index, prompt, results));
            return;
        }

        if (_streamed) { return; }
        foreach (GenerationResult r in results)
        {
            Console.WriteLine($"--- {index}{(results.Length > 1 ? $".{r.Choice}" : "")} ({r.TokenIds.Length} tokens, {Reason(r.FinishReason)})");
            Console.WriteLine(r.Text);
        }
    }

    /// <summary>The last line of <c>--timing</c>.</summary>
    public void WriteTiming(EngineStatistics s)
    {
        if (!json)
        {
            Console.Error.WriteLine($"prefill {s.PrefillTokens} tokens in {s.PrefillTime.TotalSeconds:F3} s, decode {s.NewTokens} tokens in {s.DecodeTime.TotalSeconds:F3} s");
            return;
        }

        JsonLine.Write(w =>
        {
            w.WriteStartObject();
            w.WriteStartObject("timing");
            w.WriteNumber("prompt_tokens", s.PrefillTokens);
            w.WriteNumber("new_tokens", s.NewTokens);
            w.WriteNumber("prefill_seconds", Math.Round(s.PrefillTime.TotalSeconds, 6));
            w.WriteNumber("decode_seconds", Math.Round(s.DecodeTime.TotalSeconds, 6));
            w.WriteNumber("steps", s.Steps);
            w.WriteNumber("preemptions", s.Preemptions);
            w.WriteNumber("prefix_hit_rate", Math.Round(s.PrefixHitRate, 4));
            w.WriteNumber("draft_tokens", s.DraftTokens);
            w.WriteNumber("accepted_tokens", s.AcceptedDrafts);
            w.WriteEndObject();
            w.WriteEndObject();
        });
    }

    private void Write(Utf8JsonWriter w, int index, PromptLine prompt, GenerationResult[] results)
    {
        w.WriteStartObject();
        w.WriteNumber("index", index);
        foreach (JsonProperty p in prompt.Copied)
        {
            if (p.Name is not ("index" or "choices")) { p.WriteTo(w); }
        }

        w.WriteIds("prompt_token_ids", prompt.Ids);
        if (promptScores is not null)
        {
            SequenceScores scores = promptScores(prompt);
            w.WriteStartArray("prompt_logprobs");
            w.WriteNullValue();
            foreach (float p in scores.LogProbs) { w.WriteNumber(p); }
            w.WriteEndArray();
            if (scores.Top.Length > 0)
            {
                w.WriteStartArray("prompt_top_logprobs");
                w.WriteNullValue();
                foreach (TokenLogProb[] position in scores.Top.AsSpan(0, scores.Top.Length - 1)) { w.WriteTop(position); }
                w.WriteEndArray();
            }
        }

        w.WriteStartArray("choices");
        foreach (GenerationResult r in results)
        {
            w.WriteStartObject();
            w.WriteNumber("index", r.Choice);
            w.WriteString("text", r.Text);
            w.WriteIds("token_ids", r.TokenIds);
            w.WriteNumbers("logprobs", r.LogProbs);
            if (prompt.Sampling.TopLogProbs > 0)
            {
                w.WriteStartArray("top_logprobs");
                foreach (TokenLogProb[] position in r.TopLogProbs) { w.WriteTop(position); }
                w.WriteEndArray();
            }

            if (sampledLogProbs) { w.WriteNumbers("sampled_logprobs", r.SampledLogProbs); }
            if (r.Score is { } score) { w.WriteNumber("score", score); }
            w.WriteString("finish_reason", Reason(r.FinishReason));
            w.WriteNumber("weight_version", r.WeightVersion);
            w.WriteEndObject();
        }

        w.WriteEndArray();
        w.WriteEndObject();
    }

    private static string Reason(FinishReason reason) => reason switch
    {
        FinishReason.Stop => "stop",
        FinishReason.Length => "length",
        FinishReason.NoToken => "no_token",
        FinishReason.Cancelled => "cancelled",
        _ => "none",
    };
}
