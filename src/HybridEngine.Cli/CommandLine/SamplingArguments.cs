using System.CommandLine;
using System.Globalization;
using HybridEngine.Core;
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
    private readonly Option<float> _presence = Numbers.AtLeast(new Option<float>("--presence-penalty") { Description = "Taken off the logits of tokens that the completion holds; 0 is off.", DefaultValueFactory = _ => 0, HelpName = "X" }, float.MinValue);
    private readonly Option<float> _frequency = Numbers.AtLeast(new Option<float>("--frequency-penalty") { Description = "The same, for each time that the completion holds the token; 0 is off.", DefaultValueFactory = _ => 0, HelpName = "X" }, float.MinValue);
    private readonly Option<int> _window = Numbers.AtLeast(new Option<int>("--penalty-window") { Description = "The three penalties look at this many last tokens only; 0 is all.", DefaultValueFactory = _ => 0, HelpName = "N" }, 0);
    private readonly Option<int> _ngram = Numbers.AtLeast(new Option<int>("--no-repeat-ngram-size") { Description = "No N tokens in a row come twice; 0 is off.", DefaultValueFactory = _ => 0, HelpName = "N" }, 0);
    private readonly Option<int> _minTokens = Numbers.AtLeast(new Option<int>("--min-tokens") { Description = "New tokens at least.", DefaultValueFactory = _ => 0, HelpName = "N" }, 0);
    private readonly Option<float> _typical = Numbers.Between(new Option<float>("--typical-p") { Description = "Keep tokens whose surprise is nearest to the entropy until they reach this probability; 1 is off.", DefaultValueFactory = _ => 1, HelpName = "P" }, 0, 1);
    private readonly Option<float> _epsilon = Numbers.Between(new Option<float>("--epsilon-cutoff") { Description = "Keep tokens of at least this probability; 0 is off.", DefaultValueFactory = _ => 0, HelpName = "P" }, 0, 1);
    private readonly Option<float> _eta = Numbers.Between(new Option<float>("--eta-cutoff") { Description = "Keep tokens of at least min(P, sqrt(P) exp(-entropy)); 0 is off.", DefaultValueFactory = _ => 0, HelpName = "P" }, 0, 1);
    private readonly Option<float> _sigma = Numbers.AtLeast(new Option<float>("--top-n-sigma") { Description = "Keep logits within N standard deviations of the greatest; 0 is off.", DefaultValueFactory = _ => 0, HelpName = "N" }, 0);
    private readonly Option<string[]> _bias = new("--logit-bias") { Description = "Added to a token's logit, such as 42=-5 or 42=-inf; may be given several times.", HelpName = "ID=B", AllowMultipleArgumentsPerToken = false };
    private readonly Option<string[]> _badWords = new("--bad-words") { Description = "A text that must not appear; may be given several times.", HelpName = "TEXT", AllowMultipleArgumentsPerToken = false };
    private readonly IdsOption _stopIds = new("--stop-ids", "Further token ids that end the completion, such as 1,2,3.");
    private readonly IdsOption _suppress = new("--suppress-tokens", "Token ids that are never drawn, such as 1,2,3.");
    private readonly Option<string[]> _stop = new("--stop") { Description = "A text that ends the completion; may be given several times.", HelpName = "TEXT", AllowMultipleArgumentsPerToken = false };
    private readonly Option<bool> _ignoreEos = new("--ignore-eos") { Description = "Go on after the model's end token." };

    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { _maxTokens, _temperature, _topK, _topP, _minP, _penalty, _presence, _frequency, _window, _ngram, _minTokens, _typical, _epsilon, _eta, _sigma, _bias, _badWords, _stop, _ignoreEos }) { command.Options.Add(option); }
        _stopIds.AddTo(command);
        _suppress.AddTo(command);
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
        PresencePenalty = parse.GetValue(_presence),
        FrequencyPenalty = parse.GetValue(_frequency),
        PenaltyWindow = parse.GetValue(_window),
        NoRepeatNgram = parse.GetValue(_ngram),
        MinTokens = parse.GetValue(_minTokens),
        TypicalP = parse.GetValue(_typical),
        EpsilonCutoff = parse.GetValue(_epsilon),
        EtaCutoff = parse.GetValue(_eta),
        TopNSigma = parse.GetValue(_sigma),
        LogitBias = Biases(parse.GetValue(_bias) ?? []),
        BadWords = parse.GetValue(_badWords) ?? [],
        StopTokenIds = _stopIds.Read(parse) ?? [],
        SuppressTokens = _suppress.Read(parse) ?? [],
        StopTexts = parse.GetValue(_stop) ?? [],
        IgnoreEos = parse.GetValue(_ignoreEos),
        Seed = parse.GetValue(GlobalOptions.Seed),
    };

    private static Dictionary<int, float> Biases(string[] given)
    {
        Dictionary<int, float> biases = [];
        foreach (string text in given)
        {
            string[] parts = text.Split('=');
            string value = parts.Length == 2 ? parts[1].Trim() : "";
            float bias = value.Equals("-inf", StringComparison.OrdinalIgnoreCase) ? float.NegativeInfinity : float.NaN;
            if (parts.Length != 2 || !int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out int id) || (float.IsNaN(bias) && !float.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out bias)) || float.IsNaN(bias))
            {
                throw new InvalidInputException("--logit-bias", $"'{text}'", "a token id and a number, such as 42=-5 or 42=-inf");
            }

            biases[id] = bias;
        }

        return biases;
    }
}
