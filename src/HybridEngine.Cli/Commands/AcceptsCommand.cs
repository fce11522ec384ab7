using System.CommandLine;
using HybridEngine.Cli.CommandLine;
using HybridEngine.Cli.Input;
using HybridEngine.Cli.Output;
using HybridEngine.Core;
using HybridEngine.Inference;

namespace HybridEngine.Cli.Commands;

/// <summary><c>hybridengine accepts</c>: tries a constraint on texts, without a model.</summary>
internal static class AcceptsCommand
{
    public static Command Create()
    {
        ConstraintArguments constraint = new();
        Option<string> input = new("--input") { Description = "JSON Lines of text; - is standard input.", Required = true, HelpName = "FILE" };
        Command command = new("accepts", "Tells which texts a JSON Schema, regular expression or grammar allows.") { input };
        constraint.AddTo(command, choice: false);
        command.SetAction(parse =>
        {
            ConstraintText text = constraint.Read(parse) ?? throw new UsageException("no constraint", "exactly one of --json-schema, --regex, --grammar");
            bool json = parse.GetValue(GlobalOptions.Json);
            TextConstraint language;
            try
            {
                language = text.Language();
            }
            catch (HybridEngineException refused) when (json)
            {
                // A machine reads why on standard output, as one line in place of the answers.
                JsonLine.Write(w => { w.WriteStartObject(); w.WriteString("error", refused.Message); w.WriteEndObject(); });
                return 0;
            }

            foreach (Rlhf.JsonLine line in InputLines.Read(parse.GetValue(input)!))
            {
                bool accepted = language.Accepts(line.Text("text"));
                if (json) { JsonLine.Write(w => { w.WriteStartObject(); w.WriteBoolean("accepted", accepted); w.WriteEndObject(); }); }
                else { Console.WriteLine(accepted ? "accepted" : "refused"); }
            }

            return 0;
        });
        return command;
    }
}
