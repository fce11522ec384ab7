using System.CommandLine;
using System.Globalization;
using HybridEngine.Cli.CommandLine;
using HybridEngine.Cli.Input;
using HybridEngine.Cli.Output;
using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Models;

namespace HybridEngine.Cli.Commands;

/// <summary><c>hybridengine embed</c>: sequences as vectors, and rewards where the model has a scalar head.</summary>
internal static class EmbedCommand
{
    // Lines scored together; what is done is written before the next group.
    private const int Group = 64;

    public static Command Create()
    {
        Option<string> model = ModelOption.Create();
        Option<string?> text = new("--text") { Description = "The text to embed.", HelpName = "TEXT" };
        IdsOption ids = new("--ids", "Token ids to embed, such as 1,2,3.");
        Option<string?> input = new("--input") { Description = "JSON Lines of text or token_ids; - is standard input.", HelpName = "FILE" };
        Option<string> pooling = new Option<string>("--pooling") { Description = "mean of all tokens' hidden states after the final norm, or that of the last token.", DefaultValueFactory = _ => "mean", HelpName = "mean|last" }.AcceptOnlyFromAmong("mean", "last");
        Option<bool> raw = new("--no-normalize") { Description = "Leave the vectors at their own length." };
        AdapterOption adapter = new();
        Command command = new("embed", "Vectors of given sequences; with a reward model also their rewards.") { model, text, input, pooling, raw };
        TypeOptions.AddTo(command);
        ids.AddTo(command);
        adapter.AddTo(command);
        command.SetAction((parse, stop) =>
        {
            OneOf.Require(("--text", parse.GetValue(text) is not null), ("--ids", ids.Read(parse) is not null), ("--input", parse.GetValue(input) is not null));
            using HybridModel loaded = HybridModel.Load(parse.GetValue(model)!, ModelOption.Options(parse));
            LoraAdapter? everywhere = adapter.Load(parse, loaded, lines: parse.GetValue(input) is not null);
            ScoringInput[] sequences = ids.Read(parse) is { } given ? [new(given, everywhere)]
                : parse.GetValue(text) is { } one ? [new(Tokenizer(loaded, "--text").Encode(one), everywhere)]
                : [.. InputLines.Read(parse.GetValue(input)!).Select(line => new ScoringInput(line.TryIds("token_ids") ?? Tokenizer(loaded, line.Origin).Encode(line.Text("text")), AdapterOption.Of(line, loaded, everywhere)))];
            ScoringOptions options = new()
            {
                LogProbs = false,
                Embedding = parse.GetValue(pooling) == "last" ? EmbeddingPooling.Last : EmbeddingPooling.Mean,
                NormalizeEmbeddings = !parse.GetValue(raw),
                Reward = sequences.All(s => (s.Adapter?.Score ?? loaded.RewardHead) is not null),
            };
            foreach (ScoringInput[] group in sequences.Chunk(Group))
            {
                stop.ThrowIfCancellationRequested();
                SequenceScores[] scores = loaded.Score(group, options);
                for (int i = 0; i < group.Length; i++) { Write(group[i].Tokens, scores[i], parse.GetValue(GlobalOptions.Json)); }
            }

            return Task.FromResult(0);
        });
        return command;
    }

    private static Tokenizer Tokenizer(HybridModel model, string origin) => model.Tokenizer ?? throw new InvalidInputException(origin, "text for a model without a tokenizer", "token ids");

    private static void Write(int[] ids, SequenceScores scores, bool json)
    {
        if (!json)
        {
            string reward = scores.Reward is { } r ? $"reward {r.ToString("F4", CultureInfo.InvariantCulture)}  " : "";
            Console.WriteLine($"{ids.Length} tokens  {reward}[{string.Join(", ", scores.Embedding.Take(8).Select(v => v.ToString("F4", CultureInfo.InvariantCulture)))}{(scores.Embedding.Length > 8 ? ", ..." : "")}]");
            return;
        }

        JsonLine.Write(w =>
        {
            w.WriteStartObject();
            w.WriteIds("token_ids", ids);
            w.WriteNumbers("embedding", scores.Embedding);
            if (scores.Reward is { } reward) { w.WriteNumber("reward", reward); }
            w.WriteEndObject();
        });
    }
}
