using System.Text.Json;
using HybridEngine.Cli.CommandLine;
using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Models;
using HybridEngine.Rlhf;

namespace HybridEngine.Cli.Input;

/// <summary>One prompt of <c>generate</c>: ids, how to sample, and the keys of its line that are copied to the output.</summary>
/// <param name="Ids">The prompt.</param>
/// <param name="Sampling">The command line's options with those of the line on top.</param>
/// <param name="Choices">Completions.</param>
/// <param name="Copied">Further keys of the line.</param>
internal sealed record PromptLine(int[] Ids, SamplingOptions Sampling, int Choices, IReadOnlyList<JsonProperty> Copied)
{
    /// <summary>Low-rank adapter of this prompt, or null. Its key is copied to the output like those that mean nothing here.</summary>
    public LoraAdapter? Adapter { get; init; }

    private static readonly string[] PromptKeys = ["prompt", "prompt_token_ids", "messages"];

    private static readonly string[] SamplingKeys =
        ["max_tokens", "temperature", "top_k", "top_p", "min_p", "repetition_penalty", "stop", "stop_token_ids", "ignore_eos", "seed", "n", "logprobs"];

    // Sampling fields of other engines that this build does not have: ignoring them would give another distribution than the one asked for.
    private static readonly string[] UnsupportedKeys =
        ["presence_penalty", "frequency_penalty", "no_repeat_ngram_size", "min_tokens", "logit_bias", "bad_words", "num_beams", "length_penalty", "typical_p", "guided_json", "guided_regex", "guided_grammar", "guided_choice", "response_format", "best_of"];

    /// <summary>Reads a line of <c>--input</c>.</summary>
    public static PromptLine Read(JsonLine line, HybridModel model, SamplingOptions options, int choices)
    {
        Tokenizer? tokenizer = model.Tokenizer;
        string[] given = [.. PromptKeys.Where(line.Has)];
        if (given.Length != 1) { throw new InvalidInputException(line.Origin, given.Length == 0 ? $"keys {line.Keys()}" : $"{string.Join(" and ", given)}", "exactly one of prompt, prompt_token_ids, messages"); }
        foreach (string key in UnsupportedKeys)
        {
            if (line.Has(key)) { throw new UnsupportedException(line.Origin, key, string.Join(", ", SamplingKeys)); }
        }

        int[] ids = given[0] switch
        {
            "prompt_token_ids" => line.TryIds("prompt_token_ids")!,
            "prompt" => Require(tokenizer, line.Origin).Encode(line.Text("prompt")),
            _ => ChatPrompt.Encode(Require(tokenizer, line.Origin), line.Value.GetProperty("messages"), line.Origin),
        };
        SamplingOptions sampling = options with
        {
            MaxTokens = (int)Math.Clamp(line.Whole("max_tokens", options.MaxTokens), int.MinValue, int.MaxValue),
            Temperature = (float)line.Number("temperature", options.Temperature),
            TopK = (int)Math.Clamp(line.Whole("top_k", options.TopK), int.MinValue, int.MaxValue),
            TopP = (float)line.Number("top_p", options.TopP),
            MinP = (float)line.Number("min_p", options.MinP),
            RepetitionPenalty = (float)line.Number("repetition_penalty", options.RepetitionPenalty),
            StopTexts = line.Texts("stop", options.StopTexts),
            StopTokenIds = line.TryIds("stop_token_ids") ?? options.StopTokenIds,
            IgnoreEos = line.Flag("ignore_eos", options.IgnoreEos),
            Seed = line.Whole("seed", options.Seed),
            Constraint = ConstraintArguments.Of(line)?.Compile(model.Constraints) ?? options.Constraint,
            TopLogProbs = (int)Math.Clamp(line.Whole("logprobs", options.TopLogProbs), int.MinValue, int.MaxValue),
        };
        int n = (int)Math.Clamp(line.Whole("n", choices), int.MinValue, int.MaxValue);
        if (n < 1) { throw new InvalidInputException($"{line.Origin}: n", $"{n}", "at least 1"); }
        JsonProperty[] copied = [.. line.Value.EnumerateObject().Where(p => !PromptKeys.Contains(p.Name) && !SamplingKeys.Contains(p.Name) && !ConstraintArguments.Keys.Contains(p.Name))];
        return new PromptLine(ids, sampling, n, copied);
    }

    private static Tokenizer Require(Tokenizer? tokenizer, string origin) =>
        tokenizer ?? throw new InvalidInputException(origin, "text for a model without a tokenizer", "prompt_token_ids");
}
