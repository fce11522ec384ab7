using System.CommandLine;
using HybridEngine.Inference;

namespace HybridEngine.Cli.CommandLine;

/// <summary><c>--speculative</c> and what belongs to it: tokens guessed ahead, answers unchanged.</summary>
internal sealed class SpeculationArguments
{
    private const string Lookup = "lookup";

    private readonly Option<string?> _speculative = new("--speculative") { Description = "Guess tokens ahead; answers stay the same bit for bit. 'lookup': what followed the same words before; PATH: a smaller model of the same vocabulary.", HelpName = "lookup|PATH" };
    private readonly Option<int> _draft = Numbers.AtLeast(new Option<int>("--draft-tokens") { Description = "Guesses for one sequence at a time, at most.", DefaultValueFactory = _ => new SpeculationOptions().MaxDraft, HelpName = "N" }, 1);

    public void AddTo(Command command)
    {
        command.Options.Add(_speculative);
        command.Options.Add(_draft);
    }

    /// <summary>The options with what the command line says.</summary>
    public HybridOptions Apply(ParseResult parse, HybridOptions options)
    {
        if (parse.GetValue(_speculative) is not { } who) { return options; }
        SpeculationOptions speculation = new() { MaxDraft = parse.GetValue(_draft) };
        return options with { Engine = options.Engine with { Speculation = speculation }, DraftModel = who == Lookup ? null : who };
    }
}
