using System.CommandLine;
using System.Text.Json;
using HybridEngine.Cli.CommandLine;
using HybridEngine.Cli.Output;
using HybridEngine.Core;
using HybridEngine.Rlhf;
using Spectre.Console;

namespace HybridEngine.Cli.Commands;

/// <summary><c>hybridengine demo</c>: a small assistant from random weights in three steps, on questions that the program makes itself.</summary>
internal static class DemoCommand
{
    public static Command Create()
    {
        Option<string> output = new("--output") { Description = "Folder for the models and report.html.", DefaultValueFactory = _ => Path.Combine("artifacts", "demo"), HelpName = "DIR" };
        Option<bool> fast = new("--fast") { Description = "A shorter run that shows the same story less well." };
        Option<bool> verifiable = new("--verifiable") { Description = "PPO is rewarded by the true check in place of the learned reward model." };
        Command command = new("demo", "Trains the pocket assistant from random weights: SFT, reward model, PPO; then tells how to chat with it.") { output, fast, verifiable };
        command.SetAction((parse, stop) => Task.FromResult(Run(parse, parse.GetValue(output)!, parse.GetValue(fast), parse.GetValue(verifiable), stop)));
        return command;
    }

    private static int Run(ParseResult parse, string output, bool fast, bool verifiable, CancellationToken stop)
    {
        Notes notes = new(parse.GetValue(GlobalOptions.Quiet), parse.GetValue(GlobalOptions.Verbose));
        using IKernels kernels = OpenBackend.From(parse, out BackendReport backend);
        long seed = parse.GetValue(GlobalOptions.Seed);
        PocketRecipe recipe = (fast ? PocketRecipe.Fast(seed) : PocketRecipe.Full(seed)) with { DType = parse.GetValue(GlobalOptions.DType)! };
        notes.Line($"The pocket assistant: sums, max, reverse, shout, sort, taught by sloppy labellers (40 % wrong, 30 % chatty or rude). {backend.Description}.");
        PocketResult result;
        using (DemoBoard board = new(notes)) { result = new PocketDemo(kernels, recipe, verifiable, board.Update).Run(output, stop); }
        string report = Path.Combine(output, "report.html");
        PocketReport.Write(report, result, recipe, backend.Description);
        if (parse.GetValue(GlobalOptions.Json)) { Output.JsonLine.Write(w => Write(w, result, report)); }
        else { Print(AnsiConsole.Console, result, output, report, verifiable); }
        return 0;
    }

    private static void Print(IAnsiConsole console, PocketResult result, string output, string report, bool verifiable)
    {
        PocketGrade before = result.Grades[0], after = result.Grades[^1];
        Table table = new Table().Border(TableBorder.Rounded).AddColumns($"on {result.Grades[0].Answers.Count} unseen questions", "exact, sampled", "exact, greedy", "KL to SFT (nats)", "tokens an answer");
        foreach (PocketGrade g in result.Grades) { table.AddRow(Name(g.Stage), $"{g.Sampled:P1}", $"{g.Greedy:P1}", $"{g.Kl:F2}", $"{g.Length:F1}"); }
        console.Write(table);
        if (!verifiable) { console.WriteLine($"Reward model: prefers the right answer to the wrong one in {result.RightAgainstWrong:P1} of the cases it never saw."); }
        Table answers = new Table().Border(TableBorder.Rounded).AddColumns("question", $"after {Name(before.Stage)}", $"after {Name(after.Stage)}");
        foreach ((string question, string first, string last) in PocketReport.Samples(result, 5)) { answers.AddRow(Markup.Escape(question), Markup.Escape(first), Markup.Escape(last)); }
        console.Write(answers);
        console.WriteLine($"Seconds: {string.Join(", ", result.Seconds.Select(s => $"{s.Key} {s.Value:F1}"))}; together {result.Seconds.Values.Sum():F1}.");
        console.WriteLine($"Report:  {report}");
        console.WriteLine($"Chat:    artifacts/hybridengine chat --model {Path.Combine(output, "ppo", "model")}     (try: sort 984, reverse bak, 3+4)");
    }

    private static void Write(Utf8JsonWriter w, PocketResult result, string report)
    {
        w.WriteStartObject();
        w.WriteStartArray("grades");
        foreach (PocketGrade g in result.Grades)
        {
            w.WriteStartObject();
            w.WriteString("stage", g.Stage);
            w.WriteNumber("exact_sampled", g.Sampled);
            w.WriteNumber("exact_greedy", g.Greedy);
            w.WriteNumber("kl", g.Kl);
            w.WriteNumber("tokens", g.Length);
            w.WriteEndObject();
        }

        w.WriteEndArray();
        w.WritePropertyName("right_against_wrong");
        w.WriteNumber((float)result.RightAgainstWrong);
        w.WriteStartObject("seconds");
        foreach ((string phase, double seconds) in result.Seconds) { w.WriteNumber(phase, Math.Round(seconds, 3)); }
        w.WriteEndObject();
        w.WriteString("report", report);
        w.WriteEndObject();
    }

    private static string Name(string stage) => stage switch { "sft" => "SFT", "ppo" => "PPO", _ => stage };
}
