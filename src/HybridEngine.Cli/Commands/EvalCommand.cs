using System.CommandLine;
using HybridEngine.Cli.CommandLine;
using HybridEngine.Cli.Input;
using HybridEngine.Cli.Output;
using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Models;
using HybridEngine.Rlhf;

namespace HybridEngine.Cli.Commands;

/// <summary><c>hybridengine eval</c>: perplexity of a text, loss of completions, or accuracy of a reward model.</summary>
internal static class EvalCommand
{
    public static Command Create()
    {
        Option<string> model = ModelOption.Create();
        Option<string> data = new("--data") { Description = "A text file, or JSON Lines (.jsonl) of messages, prompt and completion, or preferences.", Required = true, HelpName = "FILE" };
        Option<int> window = Numbers.AtLeast(new Option<int>("--window") { Description = "Text: tokens of a window; windows do not overlap and each starts from an empty context.", DefaultValueFactory = _ => 512, HelpName = "W" }, 2);
        Option<int> characters = Numbers.AtLeast(new Option<int>("--max-characters") { Description = "Text: only the first N code points; 0 is all.", DefaultValueFactory = _ => 0, HelpName = "N" }, 0);
        Option<int> windows = Numbers.AtLeast(new Option<int>("--windows") { Description = "At most N windows (text) or lines (JSON Lines); 0 is all.", DefaultValueFactory = _ => 0, HelpName = "N" }, 0);
        Option<bool> reward = new("--reward") { Description = "The model is a reward model and the data preferences: how often the chosen answer scores higher." };
        AdapterOption adapter = new();
        Command command = new("eval", "Mean negative log-likelihood, perplexity and token accuracy; with --reward the accuracy of a reward model.") { model, data, window, characters, windows, reward };
        TypeOptions.AddTo(command);
        adapter.AddTo(command);
        command.SetAction((parse, stop) => Task.FromResult(Run(
            parse, adapter, parse.GetValue(model)!, parse.GetValue(data)!, parse.GetValue(window), parse.GetValue(characters), parse.GetValue(windows), parse.GetValue(reward), stop)));
        return command;
    }

    private static int Run(ParseResult parse, AdapterOption adapters, string model, string data, int window, int characters, int limit, bool reward, CancellationToken stop)
    {
        bool lines = data == "-" || data.EndsWith(".jsonl", StringComparison.OrdinalIgnoreCase);
        if (reward) { return Preferences(parse, adapters, model, data, limit, stop); }
        using HybridModel loaded = HybridModel.Load(model, ModelOption.Options(parse));
        LoraAdapter? adapter = adapters.Load(parse, loaded, lines: false);
        IReadOnlyList<LearnedSequence> sequences = lines ? EvalData.Completions(loaded, data) : EvalData.Windows(loaded, InputLines.ReadText(data), window, characters, data);
        if (limit > 0) { sequences = [.. sequences.Take(limit)]; }
        double sum = 0;
        long targets = 0, right = 0;
        // In groups, so that Ctrl-C acts soon.
        foreach (LearnedSequence[] group in sequences.Chunk(8))
        {
            stop.ThrowIfCancellationRequested();
            SequenceScores[] scores = loaded.Score([.. group.Select(s => new ScoringInput(s.Ids, adapter))], new ScoringOptions { Top = 1 });
            for (int i = 0; i < group.Length; i++)
            {
                for (int t = 1; t < group[i].Ids.Length; t++)
                {
                    if (!group[i].Learned(t)) { continue; }
                    sum -= scores[i].LogProbs[t - 1];
                    right += scores[i].Top[t - 1][0].Id == group[i].Ids[t] ? 1 : 0;
                    targets++;
                }
            }
        }

        if (targets == 0) { throw new InvalidInputException(data, "no token to predict", "at least two tokens of text, or a completion"); }
        double mean = sum / targets;
        if (parse.GetValue(GlobalOptions.Json))
        {
            Output.JsonLine.Write(w =>
            {
                w.WriteStartObject();
                w.WriteNumber("mean_nll", mean);
                w.WriteNumber("perplexity", Math.Exp(mean));
                w.WriteNumber("targets", targets);
                w.WriteNumber("token_accuracy", (double)right / targets);
                w.WriteEndObject();
            });
        }
        else
        {
            Console.WriteLine($"mean nll {mean:F4} nats per token, perplexity {Math.Exp(mean):F3}, {(double)right / targets:P1} of {targets} tokens right");
        }

        return 0;
    }

    private static int Preferences(ParseResult parse, AdapterOption adapters, string model, string data, int limit, CancellationToken stop)
    {
        using HybridModel loaded = HybridModel.Load(model, ModelOption.Options(parse));
        LoraAdapter? adapter = adapters.Load(parse, loaded, lines: false);
        if (loaded.RewardHead is null && adapter?.Score is null) { throw new InvalidInputException(model, "a model without a reward head (v_head.weight)", "one that the reward command wrote"); }
        ExampleTokenizer tokenizer = new(loaded.Tokenizer, loaded.Decoder.Config, "auto", 0);
        IEnumerable<Comparison> pairs = InputLines.Read(data).Select(line => tokenizer.Pair(Example.Parse(line))).OfType<Comparison>();
        long count = 0, right = 0;
        double margin = 0;
        foreach (Comparison[] group in (limit > 0 ? pairs.Take(limit) : pairs).Chunk(8))
        {
            stop.ThrowIfCancellationRequested();
            SequenceScores[] scores = loaded.Score([.. group.SelectMany(c => c.Answers).Select(ids => new ScoringInput(ids, adapter))], new ScoringOptions { LogProbs = false, Reward = true });
            for (int i = 0; i < group.Length; i++)
            {
                double difference = (double)scores[2 * i].Reward!.Value - scores[2 * i + 1].Reward!.Value;
                margin += difference;
                right += difference > 0 ? 1 : 0;
                count++;
            }
        }

        if (count == 0) { throw new InvalidInputException(data, "no pair of different answers", "at least one"); }
        if (parse.GetValue(GlobalOptions.Json))
        {
            Output.JsonLine.Write(w =>
            {
                w.WriteStartObject();
                w.WriteNumber("accuracy", (double)right / count);
                w.WriteNumber("pairs", count);
                w.WriteNumber("mean_margin", margin / count);
                w.WriteEndObject();
            });
        }
        else
        {
            Console.WriteLine($"the chosen answer scores higher in {(double)right / count:P1} of {count} pairs, by {margin / count:F3} on average");
        }

        return 0;
    }
}
