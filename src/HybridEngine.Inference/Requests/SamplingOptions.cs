using System.Globalization;
using HybridEngine.Core;

namespace HybridEngine.Inference;

/// <summary>How tokens of one request are drawn, and when it ends. The defaults draw from the model's own distribution.</summary>
public sealed record SamplingOptions
{
    /// <summary>Divides the logits; 0 takes the greatest logit (lowest id on ties).</summary>
    public float Temperature { get; init; } = 1;

    /// <summary>Keep the k most likely tokens (ties with the k-th stay); 0 is off.</summary>
    public int TopK { get; init; }

    /// <summary>Keep the most likely tokens that together reach this probability; 1 is off.</summary>
    public float TopP { get; init; } = 1;

    /// <summary>Keep tokens of at least this share of the greatest probability; 0 is off.</summary>
    public float MinP { get; init; }

    /// <summary>Divides positive and multiplies negative logits of tokens that prompt or completion hold (Keskar et al. 2019); 1 is off.</summary>
    public float RepetitionPenalty { get; init; } = 1;

    /// <summary>The language that completions stay in; null for any text. Tokens outside it are removed before every other filter, and a completion that nothing can follow ends there.</summary>
    public TokenConstraint? Constraint { get; init; }

    /// <summary>New tokens at most, a choice.</summary>
    public int MaxTokens { get; init; } = 128;

    /// <summary>Philox key: the same seed, request number, choice and position give the same draw, whatever else runs.</summary>
    public long Seed { get; init; }

    /// <summary>Texts that end a completion; its text stops before them, its ids keep the token that completed one.</summary>
    public IReadOnlyList<string> StopTexts { get; init; } = [];

    /// <summary>Further ids that end a completion; like an end token, the id stays in the result.</summary>
    public IReadOnlyList<int> StopTokenIds { get; init; } = [];

    /// <summary>Go on after the model's own end tokens.</summary>
    public bool IgnoreEos { get; init; }

    /// <summary>How many of the most likely tokens to report at each position; 0 is none.</summary>
    public int TopLogProbs { get; init; }

    /// <summary>Temperature 0: the most likely token each time.</summary>
    public static SamplingOptions Greedy { get; } = new() { Temperature = 0 };

    /// <summary>Checks every value.</summary>
    /// <param name="vocabularySize">Tokens of the model.</param>
    /// <exception cref="InvalidInputException">Names the first option that cannot be used, what was found and what was expected.</exception>
    public void Validate(int vocabularySize)
    {
        Require(float.IsFinite(Temperature) && Temperature >= 0, "temperature", Temperature, "a finite number of at least 0");
        Require(TopK >= 0, "top_k", TopK, "0 (off) or more");
        Require(TopP is > 0 and <= 1, "top_p", TopP, "a number above 0 and at most 1 (off)");
        Require(MinP is >= 0 and <= 1, "min_p", MinP, "a number from 0 (off) to 1");
        Require(float.IsFinite(RepetitionPenalty) && RepetitionPenalty > 0, "repetition_penalty", RepetitionPenalty, "a finite number above 0 (1 is off)");
        Require(Constraint is null || Constraint.VocabularySize <= vocabularySize, "constraint", $"a constraint for {Constraint?.VocabularySize} tokens", $"one for at most the vocabulary's {vocabularySize}");
        Require(MaxTokens >= 1, "max_tokens", MaxTokens, "at least 1");
        Require(TopLogProbs >= 0 && TopLogProbs <= vocabularySize, "logprobs", TopLogProbs, $"0 to the vocabulary's {vocabularySize}");
        foreach (int id in StopTokenIds)
        {
            Require(id >= 0 && id < vocabularySize, "stop_token_ids", id, $"ids from 0 to {vocabularySize - 1}");
        }

        foreach (string text in StopTexts)
        {
            Require(!string.IsNullOrEmpty(text), "stop", "an empty text", "at least one character");
        }
    }

    private static void Require(bool ok, string name, IFormattable found, string expected) =>
        Require(ok, name, found.ToString(null, CultureInfo.InvariantCulture), expected);

    private static void Require(bool ok, string name, string found, string expected)
    {
        if (!ok) { throw new InvalidInputException(name, found, expected); }
    }
}
