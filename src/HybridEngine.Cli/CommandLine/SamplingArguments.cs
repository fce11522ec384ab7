using System.CommandLine;
using HybridEngine.Inference;

namespace HybridEngine.Cli.CommandLine;

/// <summary>The sampling options of <c>generate</c> and <c>chat</c>, by vLLM's and transformers' names.</summary>
internal sealed class SamplingArguments
{
    private readonly Option<int> _maxTokens = Numbers.AtLeast(new Option<int>("--max-tokens") { Description = "New tokens at most.", DefaultValueFactory = _ => 128, HelpName = "N" }, 1);
    private readonly Option<float> _temperature = Numbers.AtLeast(new Option<float>("--temperature") { Description = "Divides the logits; 0 is greedy.", DefaultValueFactory = _ => 1, HelpName = "T" }, 0);
    private readonly Option<int> _topK = Numbers.AtLeast(new Option<int>("--top-k") { Description = "Keep the K most likely tokens; 0 is off.", DefaultValueFactory = _ => 0, HelpName = "K" }, 0);
    private readonly Option<float> _topP = Numbers.Between(new Option<float>("--top-p") { Description = "Keep the most likely tokens that together reach this probability; 1 is off.", DefaultValueFactory = _ => 1, HelpName = "P" }, 0, 1);
    private readonly Option<float> _minP = Numbers.Between(new Option<float>("--min-p") { Description = "Keep tokens of at least this share of the greatest probability; 0 is off.", DefaultValueFactory = _ => 0, HelpName = "P" }, 0, 1);
    private readonly Option<float> _penalty = Numbers.AtLeast(new Option<float>("--repetition-penalty") { Description = "Above 1 makes seen tokens less likely; 1 is off.", DefaultValueFactory = _ => 1, HelpName = "X" }, 0);
    private readonly Option<string[]> _stop = new("--stop") { Description = "A text that ends the completion; may be given several times.", HelpName = "TEXT", AllowMultipleArgumentsPerToken = false };
    private readonly Option<bool> _ignoreEos = new("--ignore-eos") { Description = "Go on after the model's end token." };

    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { _maxTokens, _temperature, _topK, _topP, _minP, _penalty, _stop, _ignoreEos }) { command.Options.Add(option); }
    }

    /// <summary>What the command line says.</summary>
    public SamplingOptions Read(ParseResult parse) => new()
    {
        MaxTokens = parse.GetValue(_maxTokens),
        Temperature = parse.GetValue(_temperature),
        TopK = parse.GetValue(_topK),
        TopP = parse.GetValue(_topP),
        MinP = parse.GetValue(_minP),
        RepetitionPenalty = parse.GetValue(_penalty),
        StopTexts = parse.GetValue(_stop) ?? [],
        IgnoreEos = parse.GetValue(_ignoreEos),
        Seed = parse.GetValue(GlobalOptions.Seed),
    };
}
