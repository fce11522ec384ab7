using System.CommandLine;
using System.Globalization;
using HybridEngine.Cli.CommandLine;
using HybridEngine.Cli.Input;
using HybridEngine.Cli.Output;
using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Models;

namespace HybridEngine.Cli.Commands;

/// <summary><c>hybridengine logprobs</c>: the log-probability of every token given those before it.</summary>
internal static class LogProbsCommand
{
    public static Command Create()
    {
        Option<string> model = ModelOption.Create();
        Option<string?> text = new("--text") { Description = "The text to score.", HelpName = "TEXT" };
        IdsOption ids = new("--ids", "Token ids to score, such as 1,2,3.");
        Option<string?> input = new("--input") { Description = "JSON Lines of text or token_ids; - is standard input.", HelpName = "FILE" };
        Option<string> top = new("--top") { Description = "Also the K most likely tokens at each position, or all.", DefaultValueFactory = _ => "0", HelpName = "K|all" };
        Command command = new("logprobs", "Scores given sequences (temperature 1, no filter).") { model, text, input, top };
        TypeOptions.AddTo(command);
        AdapterOption adapter = new();
        ids.AddTo(command);
        adapter.AddTo(command);
        command.SetAction(parse =>
        {
            OneOf.Require(("--text", parse.GetValue(text) is not null), ("--ids", ids.Read(parse) is not null), ("--input", parse.GetValue(input) is not null));
            using HybridModel loaded = HybridModel.Load(parse.GetValue(model)!, ModelOption.Options(parse));
            int k = Top(parse.GetValue(top)!, loaded.Decoder.Config.VocabularySize);
            LoraAdapter? everywhere = adapter.Load(parse, loaded, lines: parse.GetValue(input) is not null);
            IEnumerable<ScoringInput> sequences = ids.Read(parse) is { } given ? [new(given, everywhere)]
                : parse.GetValue(text) is { } one ? [new(Tokenizer(loaded, "--text").Encode(one), everywhere)]
                : InputLines.Read(parse.GetValue(input)!).Select(line =>
                    new ScoringInput(line.TryIds("token_ids") ?? Tokenizer(loaded, line.Origin).Encode(line.Text("text")), AdapterOption.Of(line, loaded, everywhere))).ToArray();
            foreach (ScoringInput sequence in sequences)
            {
                // One at a time, so that what is done is written.
                Write(sequence.Tokens, loaded.Score([sequence], new ScoringOptions { Top = k })[0], loaded.Tokenizer, parse.GetValue(GlobalOptions.Json));
            }

            return 0;
        });
        return command;
    }

    private static Tokenizer Tokenizer(HybridModel model, string origin) => model.Tokenizer ?? throw new InvalidInputException(origin, "text for a model without a tokenizer", "token ids");

    private static int Top(string text, int vocabulary)
    {
        if (text == "all") { return vocabulary; }
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int k) && k <= vocabulary
            ? k : throw new InvalidInputException("--top", $"'{text}'", $"a number up to the vocabulary's {vocabulary}, or all");
    }

    private static void Write(int[] ids, SequenceScores scores, Tokenizer? tokenizer, bool json)
    {
        if (!json)
        {
            for (int t = 0; t < ids.Length; t++)
            {
                string logProb = t == 0 ? "" : scores.LogProbs[t - 1].ToString("F4", CultureInfo.InvariantCulture);
                Console.WriteLine($"{ids[t],7} {logProb,10}  {tokenizer?.IdToToken(ids[t])}");
            }

            return;
        }

        JsonLine.Write(w =>
        {
            w.WriteStartObject();
            w.WriteIds("token_ids", ids);
            w.WriteStartArray("logprobs");
            w.WriteNullValue();
            foreach (float p in scores.LogProbs) { w.WriteNumber(p); }
            w.WriteEndArray();
            if (scores.Top.Length > 0)
            {
                w.WriteStartArray("top");
                w.WriteNullValue();
                for (int t = 0; t + 1 < ids.Length; t++) { w.WriteTop(scores.Top[t]); }
                w.WriteEndArray();
                w.WritePropertyName("next_top");
                w.WriteTop(scores.Top[^1]);
            }

            w.WriteEndObject();
        });
    }
}
