using System.CommandLine;
using HybridEngine.Cli.Benchmarks;
using HybridEngine.Cli.CommandLine;
using HybridEngine.Cli.Output;
using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Models;

namespace HybridEngine.Cli.Commands;

/// <summary><c>hybridengine bench speculative</c>: what guessing ahead gains on code and on prose.</summary>
internal static class BenchSpeculativeCommand
{
    public static Command Create()
    {
        Option<string> model = ModelOption.Create();
        Option<string?> draft = new("--draft-model") { Description = "A smaller model of the same vocabulary, timed beside prompt lookup.", HelpName = "PATH" };
        Option<int> longest = Numbers.AtLeast(new Option<int>("--draft-tokens") { Description = "Guesses at a time, at most.", DefaultValueFactory = _ => new SpeculationOptions().MaxDraft, HelpName = "N" }, 1);
        Option<float> temperature = Numbers.AtLeast(new Option<float>("--temperature") { Description = "0 is greedy.", DefaultValueFactory = _ => 0, HelpName = "T" }, 0);
        Option<int> fresh = Numbers.AtLeast(new Option<int>("--new") { Description = "New tokens for each text.", DefaultValueFactory = _ => 128, HelpName = "N" }, 2);
        Option<int> reps = Numbers.AtLeast(new Option<int>("--reps") { Description = "Timed repetitions, after one that is not counted.", DefaultValueFactory = _ => 3, HelpName = "N" }, 1);
        Command command = new("speculative", "Times prompt lookup and a draft model on code and on prose, one sequence at a time, against neither.") { model, draft, longest, temperature, fresh, reps };
        TypeOptions.AddTo(command);
        command.SetAction((parse, stop) =>
        {
            using IKernels kernels = OpenBackend.From(parse, out _);
            using ModelFiles files = ModelFiles.Open(parse.GetValue(model)!);
            Tokenizer tokenizer = files.LoadTokenizer() ?? throw new InvalidInputException("--model", "a model without a tokenizer", "one with it: the benchmark's prompts are texts");
            PrecisionOptions types = TypeOptions.Of(parse);
            using Decoder decoder = Decoder.Load(kernels, files, types.Resolve(kernels, files));
            using Decoder? guesser = parse.GetValue(draft) is { } path ? Load(kernels, path, types) : null;
            SamplingOptions sampling = new() { Temperature = parse.GetValue(temperature), MaxTokens = parse.GetValue(fresh), Seed = parse.GetValue(GlobalOptions.Seed), IgnoreEos = true };
            Write(parse, SpeculativeRun.Run(decoder, guesser, tokenizer, sampling, parse.GetValue(longest), parse.GetValue(reps), stop));
            return Task.FromResult(0);
        });
        return command;
    }

    private static Decoder Load(IKernels kernels, string path, PrecisionOptions types)
    {
        using ModelFiles files = ModelFiles.Open(path);
        return Decoder.Load(kernels, files, types.Resolve(kernels, files));
    }

    private static void Write(ParseResult parse, IReadOnlyList<SpeculativeTimes> all)
    {
        foreach (SpeculativeTimes t in all)
        {
            double gain = t.TokensPerSecond / all.First(o => o.Kind == t.Kind).TokensPerSecond;
            if (!parse.GetValue(GlobalOptions.Json))
            {
                Console.WriteLine($"{t.Kind,-6} {t.Mode,-7} {t.TokensPerSecond,8:F1} tokens/s  x {gain:F2}  {t.Acceptance:P0} of guesses right, {t.TokensPerStep:F2} tokens a forward");
                continue;
            }

            JsonLine.Write(w =>
            {
                w.WriteStartObject();
                w.WriteString("what", "speculative");
                w.WriteString("text", t.Kind);
                w.WriteString("mode", t.Mode);
                w.WriteNumber("tokens_per_s", Math.Round(t.TokensPerSecond, 2));
                w.WriteNumber("speedup", Math.Round(gain, 3));
                w.WriteNumber("acceptance", Math.Round(t.Acceptance, 4));
                w.WriteNumber("tokens_per_step", Math.Round(t.TokensPerStep, 3));
                w.WriteEndObject();
            });
        }
    }
}
