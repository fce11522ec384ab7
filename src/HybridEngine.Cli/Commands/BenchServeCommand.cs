using System.CommandLine;
using System.Text.Json;
using HybridEngine.Cli.Benchmarks;
using HybridEngine.Cli.CommandLine;
using HybridEngine.Cli.Output;
using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Cli.Commands;

/// <summary><c>hybridengine bench serve</c>: requests of mixed length at random times, in a cache that is too small for them.</summary>
internal static class BenchServeCommand
{
    public static Command Create()
    {
        BenchModel model = new();
        Option<int> requests = Count("--requests", "Requests.", 500);
        Option<int> prompt = Count("--prompt", "Longest prompt, in tokens; the mean is about a third.", 512);
        Option<int> fresh = Count("--new", "Longest answer, in tokens; the mean is about a third.", 128);
        Option<int> batch = Count("--batch", "Sequences that run at once, at most.", 32);
        Option<double> arrivals = new("--arrivals") { Description = "Requests that come in one forward, on average.", DefaultValueFactory = _ => 2, HelpName = "X" };
        Option<double> share = new("--cache-share") { Description = "Cache, as a share of what all requests would hold together.", DefaultValueFactory = _ => 0.1, HelpName = "X" };
        Option<double> cancelled = new("--cancelled") { Description = "Share of requests that are cancelled on the way.", DefaultValueFactory = _ => 0, HelpName = "X" };
        Option<double> constrained = new("--constrained") { Description = "Share of requests that must match a regular expression (a model with a tokenizer).", DefaultValueFactory = _ => 0, HelpName = "X" };
        Option<int> adapters = Numbers.AtLeast(new Option<int>("--adapters") { Description = "Random LoRA adapters (rank 8 on queries and values) that requests choose from.", DefaultValueFactory = _ => 0, HelpName = "N" }, 0);
        Option<int> verify = Numbers.AtLeast(new Option<int>("--verify") { Description = "Answers to compare, bit for bit, with those computed alone.", DefaultValueFactory = _ => 0, HelpName = "N" }, 0);
        Option<string?> dump = new("--dump") { Description = "Write the lengths of the requests as JSON for another engine, and run nothing.", HelpName = "FILE" };
        Command command = new("serve", "Times requests of mixed length at random times, in a cache that is too small for them.");
        model.AddTo(command);
        foreach (Option option in new Option[] { requests, prompt, fresh, batch, arrivals, share, cancelled, constrained, adapters, verify, dump }) { command.Options.Add(option); }
        command.SetAction((parse, stop) =>
        {
            ServeCase test = new()
            {
                Requests = parse.GetValue(requests), MaxPrompt = parse.GetValue(prompt), MaxNew = parse.GetValue(fresh), Batch = parse.GetValue(batch),
                ArrivalsPerStep = Positive(parse, arrivals), CacheShare = Positive(parse, share), Cancelled = Share(parse, cancelled), Constrained = Share(parse, constrained),
                Adapters = parse.GetValue(adapters), Verified = parse.GetValue(verify), Seed = (int)(parse.GetValue(GlobalOptions.Seed) & int.MaxValue),
            };
            if (parse.GetValue(dump) is { } file) { Dump(test, file); }
            else { model.Use(parse, (decoder, tokenizer, name) => Write(parse, test, name, ServeRun.Run(test, decoder, tokenizer, stop))); }
            return Task.FromResult(0);
        });
        return command;
    }

    private static void Dump(ServeCase test, string file)
    {
        using FileStream stream = File.Create(file);
        using Utf8JsonWriter w = new(stream);
        w.WriteStartArray();
        foreach (ServeRequest r in ServeWorkload.Create(test, vocabulary: 2, [], null))
        {
            w.WriteStartObject();
            w.WriteNumber("prompt", r.Request.Prompt.Length);
            w.WriteNumber("new", r.Request.Sampling.MaxTokens);
            w.WriteEndObject();
        }

        w.WriteEndArray();
    }

    private static void Write(ParseResult parse, ServeCase test, string model, ServeTimes t)
    {
        double rate = t.NewTokens / t.Seconds, all = (t.PromptTokens + t.NewTokens) / t.Seconds;
        long again = Math.Max(0, t.Statistics.PrefillTokens - t.PromptTokens);
        if (!parse.GetValue(GlobalOptions.Json))
        {
            Console.WriteLine($"{test.Requests} requests, {t.PromptTokens} + {t.NewTokens} tokens, {model}, float32, batch {test.Batch}, {t.CacheBlocks} blocks ({t.CacheBytes >> 20} MiB)");
            Console.WriteLine($"{rate:F1} new tokens/s, {all:F1} tokens/s with prompts, {t.Seconds:F2} s; {t.Finished} finished, {t.Statistics.Preemptions} interruptions, {again} tokens computed again");
            Console.WriteLine($"first token {At(t.FirstToken, 0.5):F3} s (99 %: {At(t.FirstToken, 0.99):F3}), between tokens {At(t.BetweenTokens, 0.5):F4} s (99 %: {At(t.BetweenTokens, 0.99):F4})");
            Console.WriteLine($"{t.LeakedBlocks} blocks left over, resident {t.Resident.Early >> 20} MiB after a third, {t.Resident.Late >> 20} MiB at the end; {t.Verified.Compared - t.Verified.Different} of {t.Verified.Compared} compared answers equal those alone");
            return;
        }

        JsonLine.Write(w =>
        {
            w.WriteStartObject();
            w.WriteString("what", "serve");
            w.WriteString("shape", model);
            w.WriteString("dtype", "float32");
            w.WriteNumber("requests", test.Requests);
            w.WriteNumber("batch", test.Batch);
            w.WriteNumber("prompt_tokens", t.PromptTokens);
            w.WriteNumber("new_tokens", t.NewTokens);
            w.WriteNumber("seconds", Math.Round(t.Seconds, 4));
            w.WriteNumber("tokens_per_s", Math.Round(rate, 2));
            w.WriteNumber("all_tokens_per_s", Math.Round(all, 2));
            w.WriteNumber("finished", t.Finished);
            w.WriteNumber("preemptions", t.Statistics.Preemptions);
            w.WriteNumber("tokens_computed_again", again);
            w.WriteNumber("prefix_hit_rate", Math.Round(t.Statistics.PrefixHitRate, 4));
            w.WriteNumber("cache_blocks", t.CacheBlocks);
            w.WriteNumber("cache_mib", t.CacheBytes >> 20);
            w.WriteNumber("leaked_blocks", t.LeakedBlocks);
            w.WriteNumber("resident_mib_early", t.Resident.Early >> 20);
            w.WriteNumber("resident_mib_late", t.Resident.Late >> 20);
            w.WriteNumber("first_token_p50", Math.Round(At(t.FirstToken, 0.5), 5));
            w.WriteNumber("first_token_p99", Math.Round(At(t.FirstToken, 0.99), 5));
            w.WriteNumber("between_tokens_p50", Math.Round(At(t.BetweenTokens, 0.5), 5));
            w.WriteNumber("between_tokens_p99", Math.Round(At(t.BetweenTokens, 0.99), 5));
            w.WriteNumber("compared", t.Verified.Compared);
            w.WriteNumber("different", t.Verified.Different);
            w.WriteEndObject();
        });
    }

    private static double At(double[] sorted, double quantile) => sorted.Length == 0 ? 0 : sorted[(int)Math.Min(sorted.Length - 1, quantile * sorted.Length)];

    private static Option<int> Count(string name, string description, int value) =>
        Numbers.AtLeast(new Option<int>(name) { Description = description, DefaultValueFactory = _ => value, HelpName = "N" }, 1);

    private static double Positive(ParseResult parse, Option<double> option) =>
        parse.GetValue(option) is > 0 and < double.PositiveInfinity and double x ? x : throw new InvalidInputException(option.Name, $"{parse.GetValue(option)}", "a finite number above 0");

    private static double Share(ParseResult parse, Option<double> option) =>
        parse.GetValue(option) is >= 0 and <= 1 and double x ? x : throw new InvalidInputException(option.Name, $"{parse.GetValue(option)}", "a number from 0 to 1");
}
