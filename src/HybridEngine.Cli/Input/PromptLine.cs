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

    // Sampling fields of other engines that this build does not have: ignoring them would give another distribution than the one asked for.
    private static readonly string[] UnsupportedKeys =
        ["guided_json", "guided_regex", "guided_grammar", "guided_choice", "response_format", "dry_multiplier", "xtc_probability", "mirostat", "top_h", "num_beam_groups", "penalty_alpha"];

    private static readonly string[] RequestKeys = ["n", "best_of"];

    /// <summary>Completions that are generated, the best of which are given; 0 is as many.</summary>
    public int BestOf { get; init; }

    /// <summary>A beam search, or null.</summary>
    public BeamOptions? Beams { get; init; }

    /// <summary>Reads a line of <c>--input</c>.</summary>
    public static PromptLine Read(JsonLine line, HybridModel model, SamplingOptions options, PromptLine defaults, BeamOptions beams)
    {
        Tokenizer? tokenizer = model.Tokenizer;
        string[] given = [.. PromptKeys.Where(line.Has)];
        if (given.Length != 1) { throw new InvalidInputException(line.Origin, given.Length == 0 ? $"keys {line.Keys()}" : $"{string.Join(" and ", given)}", "exactly one of prompt, prompt_token_ids, messages"); }
        foreach (string key in UnsupportedKeys)
        {
            if (line.Has(key)) { throw new UnsupportedException(line.Origin, key, string.Join(", ", SamplingFields.Keys)); }
        }

        int[] ids = given[0] switch
        {
            "prompt_token_ids" => line.TryIds("prompt_token_ids")!,
            "prompt" => Require(tokenizer, line.Origin).Encode(line.Text("prompt")),
            _ => ChatPrompt.Encode(Require(tokenizer, line.Origin), line.Value.GetProperty("messages"), line.Origin),
        };
        SamplingOptions sampling = SamplingFields.Read(line, options) with { Constraint = ConstraintArguments.Of(line)?.Compile(model.Constraints) ?? options.Constraint };
        int n = line.Int("n", defaults.Choices);
        if (n < 1) { throw new InvalidInputException($"{line.Origin}: n", $"{n}", "at least 1"); }
        BeamOptions search = BeamArguments.Read(line, beams);
        string[] known = [.. PromptKeys, .. SamplingFields.Keys, .. RequestKeys, .. BeamArguments.Keys, .. ConstraintArguments.Keys];
        return new PromptLine(ids, sampling, n, [.. line.Value.EnumerateObject().Where(p => !known.Contains(p.Name))])
        {
            BestOf = line.Int("best_of", defaults.BestOf), Beams = search.Beams > 1 ? search : null,
        };
    }

    private static Tokenizer Require(Tokenizer? tokenizer, string origin) =>
        tokenizer ?? throw new InvalidInputException(origin, "text for a model without a tokenizer", "prompt_token_ids");
}
