using System.CommandLine;
using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Rlhf;
using HybridEngine.Cli.Input;

namespace HybridEngine.Cli.CommandLine;

/// <summary>The options of a beam search, by transformers' names.</summary>
internal sealed class BeamArguments
{
    /// <summary>Fields of a line that mean the same.</summary>
    public static readonly string[] Keys = ["num_beams", "length_penalty", "early_stopping", "renormalize_logits"];

    private static readonly string[] EarlyNames = ["false", "true", "never"];

    private readonly Option<int> _beams = Numbers.Between(new Option<int>("--num-beams") { Description = "Look for the most likely completions with this many beams instead of drawing; 1 draws.", DefaultValueFactory = _ => 1, HelpName = "N" }, 1, 1024);
    private readonly Option<float> _lengthPenalty = Numbers.AtLeast(new Option<float>("--length-penalty") { Description = "With beams: scores are divided by length^X; above 0 favours long completions.", DefaultValueFactory = _ => 1, HelpName = "X" }, float.MinValue);
    private readonly Option<string> _early = new Option<string>("--early-stopping") { Description = "With beams: false (stop when improvement is unlikely), true (as soon as there are N completions), never (only when it is impossible).", DefaultValueFactory = _ => "false", HelpName = "WHEN" }.AcceptOnlyFromAmong(EarlyNames);

    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { _beams, _lengthPenalty, _early }) { command.Options.Add(option); }
    }

    /// <summary>What the command line says; one beam is none.</summary>
    public BeamOptions Read(ParseResult parse) => new()
    {
        Beams = parse.GetValue(_beams), LengthPenalty = parse.GetValue(_lengthPenalty), EarlyStopping = (EarlyStopping)Array.IndexOf(EarlyNames, parse.GetValue(_early)),
    };

    /// <summary>The line's fields on top of the command line's.</summary>
    public static BeamOptions Read(JsonLine line, BeamOptions options)
    {
        EarlyStopping early = options.EarlyStopping;
        if (line.Value.TryGetProperty("early_stopping", out System.Text.Json.JsonElement e))
        {
            string text = e.ValueKind == System.Text.Json.JsonValueKind.String ? e.GetString()! : e.GetRawText();
            int index = Array.IndexOf(EarlyNames, text);
            if (index < 0) { throw line.WrongType("early_stopping", e, "true, false or \"never\""); }
            early = (EarlyStopping)index;
        }

        int beams = (int)Math.Clamp(line.Whole("num_beams", options.Beams), int.MinValue, int.MaxValue);
        if (beams < 1) { throw new InvalidInputException($"{line.Origin}: num_beams", $"{beams}", "at least 1"); }
        return new BeamOptions
        {
            Beams = beams, LengthPenalty = (float)line.Number("length_penalty", options.LengthPenalty), EarlyStopping = early, Renormalize = line.Flag("renormalize_logits", options.Renormalize),
        };
    }
}
