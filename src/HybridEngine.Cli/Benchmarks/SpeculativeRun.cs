using System.Diagnostics;
using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Models;

namespace HybridEngine.Cli.Benchmarks;

/// <summary>One way of guessing on one kind of text.</summary>
/// <param name="Kind">code or prose.</param>
/// <param name="Mode">off, lookup or draft.</param>
/// <param name="TokensPerSecond">New tokens over decoding time, median of the repetitions.</param>
/// <param name="Acceptance">Share of guesses that were right.</param>
/// <param name="TokensPerStep">New tokens a forward of the model.</param>
internal sealed record SpeculativeTimes(string Kind, string Mode, double TokensPerSecond, double Acceptance, double TokensPerStep);

/// <summary>Times guessing ahead against not guessing, one sequence at a time, in turns; refuses to report when an answer differs.</summary>
internal static class SpeculativeRun
{
    public static IReadOnlyList<SpeculativeTimes> Run(Decoder decoder, Decoder? draft, Tokenizer tokenizer, SamplingOptions sampling, int longest, int repetitions, CancellationToken stop)
    {
        string[] modes = draft is null ? ["off", "lookup"] : ["off", "lookup", "draft"];
        List<SpeculativeTimes> all = [];
        foreach ((string kind, string[] texts) in SpeculativePrompts.All)
        {
            int[][] prompts = Array.ConvertAll(texts, t => tokenizer.Encode(t));
            double[][] rates = Array.ConvertAll(modes, _ => new double[repetitions]);
            EngineStatistics[] statistics = new EngineStatistics[modes.Length];
            string?[] answers = new string?[modes.Length];
            for (int r = -1; r < repetitions; r++)
            {
                for (int m = 0; m < modes.Length; m++)
                {
                    stop.ThrowIfCancellationRequested();
                    (double rate, answers[m], statistics[m]) = One(decoder, modes[m] == "draft" ? draft : null, modes[m], prompts, sampling, longest);
                    if (r >= 0) { rates[m][r] = rate; }
                    if (answers[m] != answers[0]) { throw new HybridEngineException($"bench speculative: answers with {modes[m]} differ from those without"); }
                }
            }

            for (int m = 0; m < modes.Length; m++)
            {
                Array.Sort(rates[m]);
                all.Add(new SpeculativeTimes(kind, modes[m], rates[m][repetitions / 2], statistics[m].AcceptanceRate, (double)statistics[m].NewTokens / statistics[m].Steps));
            }
        }

        return all;
    }

    private static (double Rate, string Answers, EngineStatistics Statistics) One(Decoder decoder, Decoder? draft, string mode, int[][] prompts, SamplingOptions sampling, int longest)
    {
        EngineOptions options = new() { MaxSequences = 1, PrefixCache = false, Speculation = mode == "off" ? null : new SpeculationOptions { MaxDraft = longest } };
        using GenerationEngine engine = new(decoder, options, draft: draft);
        List<string> answers = [];
        (double seconds, long tokens) = (0, 0);
        for (int i = 0; i < prompts.Length; i++)
        {
            long first = 0;
            Generation g = engine.Submit(new GenerationRequest
            {
                Prompt = prompts[i], RequestId = i, Sampling = sampling, DecodeText = false,
                OnToken = _ => first = first == 0 ? Stopwatch.GetTimestamp() : first,
            });
            engine.Run();
            seconds += Stopwatch.GetElapsedTime(first).TotalSeconds;
            int[] ids = g.Results()[0].TokenIds;
            tokens += ids.Length - 1;
            answers.Add(string.Join(',', ids));
        }

        return (tokens / seconds, string.Join(';', answers), engine.Statistics);
    }
}
