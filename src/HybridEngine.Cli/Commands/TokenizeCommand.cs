using System.CommandLine;
using HybridEngine.Cli.CommandLine;
using HybridEngine.Cli.Input;
using HybridEngine.Cli.Output;
using HybridEngine.Core;
using HybridEngine.Models;
using HybridEngine.Rlhf;

namespace HybridEngine.Cli.Commands;

/// <summary><c>hybridengine tokenize</c> and <c>detokenize</c>.</summary>
internal static class TokenizeCommand
{
    public static Command CreateTokenize()
    {
        Option<string> model = TokenizerModel();
        Option<string?> text = new("--text") { Description = "The text.", HelpName = "TEXT" };
        Option<string?> input = new("--input") { Description = "JSON Lines of {\"text\": ..}; - is standard input.", HelpName = "FILE" };
        Option<bool> plain = new("--no-special-tokens") { Description = "Leave out the special tokens that the model expects around a text." };
        Command command = new("tokenize", "Text to token ids, with the part of the text that each covers (in code points).") { model, text, input, plain };
        command.SetAction(parse =>
        {
            Tokenizer tokenizer = ModelTokenizer.Load(parse.GetValue(model)!);
            foreach (string t in OneOf.TextOrLines(parse.GetValue(text), parse.GetValue(input)))
            {
                TokenizedText tokens = tokenizer.EncodeWithOffsets(t, !parse.GetValue(plain));
                if (parse.GetValue(GlobalOptions.Json)) { Write(tokens); }
                else { Console.WriteLine(string.Join(' ', tokens.Ids)); }
            }

            return 0;
        });
        return command;
    }

    public static Command CreateDetokenize()
    {
        Option<string> model = TokenizerModel();
        IdsOption ids = new("--ids", "Token ids, such as 1,2,3.");
        Option<string?> input = new("--input") { Description = "JSON Lines of {\"token_ids\": [..]}; - is standard input.", HelpName = "FILE" };
        Option<bool> skip = new("--skip-special-tokens") { Description = "Leave special tokens out of the text." };
        Command command = new("detokenize", "Token ids to text.") { model, input, skip };
        ids.AddTo(command);
        command.SetAction(parse =>
        {
            OneOf.Require(("--ids", ids.Read(parse) is not null), ("--input", parse.GetValue(input) is not null));
            Tokenizer tokenizer = ModelTokenizer.Load(parse.GetValue(model)!);
            IEnumerable<int[]> sequences = ids.Read(parse) is { } given ? [given] : InputLines.Read(parse.GetValue(input)!).Select(Ids);
            foreach (int[] sequence in sequences)
            {
                string text = tokenizer.Decode(sequence, parse.GetValue(skip));
                if (parse.GetValue(GlobalOptions.Json)) { Output.JsonLine.Write(w => { w.WriteStartObject(); w.WriteString("text", text); w.WriteEndObject(); }); }
                else { Console.WriteLine(text); }
            }

            return 0;
        });
        return command;

        static int[] Ids(Rlhf.JsonLine line) => line.TryIds("token_ids") ?? throw new InvalidInputException(line.Origin, $"keys {line.Keys()}", "\"token_ids\"");
    }

    private static Option<string> TokenizerModel()
    {
        Option<string> model = ModelOption.Create();
        model.Description += " A folder with only tokenizer.json will do.";
        return model;
    }

    private static void Write(TokenizedText tokens) => Output.JsonLine.Write(w =>
    {
        w.WriteStartObject();
        w.WriteIds("token_ids", [.. tokens.Ids]);
        w.WriteStartArray("tokens");
        foreach (string t in tokens.Tokens) { w.WriteStringValue(t); }
        w.WriteEndArray();
        w.WriteStartArray("offsets");
        foreach ((int start, int end) in tokens.Offsets)
        {
            w.WriteStartArray();
            w.WriteNumberValue(start);
            w.WriteNumberValue(end);
            w.WriteEndArray();
        }

        w.WriteEndArray();
        w.WriteEndObject();
    });
}
