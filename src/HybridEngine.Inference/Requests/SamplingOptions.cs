using System.Collections.ObjectModel;
using HybridEngine.Core;

namespace HybridEngine.Inference;

/// <summary>How tokens of one request are drawn, and when it ends. The defaults draw from the model's own distribution.</summary>
/// <remarks>Steps act in the order of <see cref="SamplingRow"/>, which is transformers': biases, penalties, bans, temperature, filters; docs/inference/sampling.md compares it with other engines'.</remarks>
public sealed partial record SamplingOptions
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

    /// <summary>Look for repetitions in the completion only, not in the prompt.</summary>
    public bool RepetitionIgnoresPrompt { get; init; }

    /// <summary>Taken off a logit for each time that the completion holds the token already (OpenAI's); negative encourages; 0 is off.</summary>
    public float FrequencyPenalty { get; init; }

    /// <summary>Taken off the logit of each token that the completion holds (OpenAI's); negative encourages; 0 is off.</summary>
    public float PresencePenalty { get; init; }

    /// <summary>The three penalties look at this many last tokens only (llama.cpp's repeat_last_n); 0 is all.</summary>
    public int PenaltyWindow { get; init; }

    /// <summary>No sequence of this many tokens may come twice, prompt included; 0 is off.</summary>
    public int NoRepeatNgram { get; init; }

    /// <summary>Keep logits within this many standard deviations of the greatest (Tang et al. 2024); 0 is off.</summary>
    public float TopNSigma { get; init; }

    /// <summary>Keep the tokens whose surprise is nearest to the entropy until they reach this probability (Meister et al. 2023); 1 is off.</summary>
    public float TypicalP { get; init; } = 1;

    /// <summary>Keep tokens of at least this probability (Hewitt et al. 2022); 0 is off.</summary>
    public float EpsilonCutoff { get; init; }

    /// <summary>Keep tokens of at least min(e, sqrt(e) exp(-entropy)) (Hewitt et al. 2022); 0 is off.</summary>
    public float EtaCutoff { get; init; }

    /// <summary>Added to the logits of these tokens; -infinity bans one.</summary>
    public IReadOnlyDictionary<int, float> LogitBias { get; init; } = ReadOnlyDictionary<int, float>.Empty;

    /// <summary>Added to the logit of the last token of a sequence when prompt and completion end with its others.</summary>
    public IReadOnlyList<SequenceBias> SequenceBiases { get; init; } = [];

    /// <summary>Words that must not appear, also not after a space; the engine's tokenizer turns them into ids.</summary>
    public IReadOnlyList<string> BadWords { get; init; } = [];

    /// <summary>Sequences of ids that must not appear.</summary>
    public IReadOnlyList<IReadOnlyList<int>> BadWordIds { get; init; } = [];

    /// <summary>Tokens that are never drawn.</summary>
    public IReadOnlyList<int> SuppressTokens { get; init; } = [];

    /// <summary>Tokens that are not drawn first.</summary>
    public IReadOnlyList<int> BeginSuppressTokens { get; init; } = [];

    /// <summary>The completion begins with these tokens; they get log-probabilities like others.</summary>
    public IReadOnlyList<int> ForcedStart { get; init; } = [];

    /// <summary>The last token that <see cref="MaxTokens"/> allows is one of these; empty is off.</summary>
    public IReadOnlyList<int> ForcedEnd { get; init; } = [];

    /// <summary>Each further token after this many pulls the end token's logit up by |logit| (<see cref="EndPullFactor"/>^n - 1) (transformers' exponential_decay_length_penalty).</summary>
    public int EndPullStart { get; init; }

    /// <inheritdoc cref="EndPullStart" />
    /// <remarks>1 is off.</remarks>
    public float EndPullFactor { get; init; } = 1;

    /// <summary>New tokens at least: until then no end token or stop id is drawn and no stop text is looked for.</summary>
    public int MinTokens { get; init; }

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
}

/// <summary>A bias of the last token of a sequence, where its others stand before it.</summary>
/// <param name="Tokens">At least one.</param>
/// <param name="Bias">Added to the logit; -infinity bans the token there.</param>
public sealed record SequenceBias(IReadOnlyList<int> Tokens, float Bias);
