using System.Runtime.InteropServices;

namespace HybridEngine.Core;

/// <summary>How one row of logits is drawn from, as it lies in device memory (<see cref="SamplingTensors.Rows"/>); <see cref="Plain"/> has every step switched off.</summary>
/// <remarks>
/// Steps act in this order, each on what the former left: mask; finite biases of rules; repetition penalty; frequency and presence penalty; n-grams that would repeat; bans and
/// forced tokens of rules; temperature; top-n-sigma; top-k; top-p; min-p; typical; epsilon; eta. That is transformers' order, where it has the step.
/// The layout is that of <c>he_sampling_row</c> in native/include/hybridengine/he.h.
/// </remarks>
[StructLayout(LayoutKind.Sequential)]
public struct SamplingRow
{
    /// <summary>Philox key.</summary>
    public long Seed;

    /// <summary>Philox counter words 2 and 3.</summary>
    public long Request;

    /// <summary>Keeps the most probable tokens, ties by lower id, until their sum reaches p (Holtzman et al. 2020); 1 is off. In float64, or 1 - p would be too coarse near 1.</summary>
    public double TopP;

    /// <summary>Philox counter word 1.</summary>
    public int Choice;

    /// <summary>Philox counter word 0: the position that is drawn, which is also the number of tokens before it.</summary>
    public int Position;

    /// <summary>Tokens of the row's history, prompt and completion.</summary>
    public int HistoryLength;

    /// <summary>Line of <see cref="SamplingTensors.Masks"/> with a bit for each token that may be drawn; negative for none.</summary>
    public int Mask;

    /// <summary>First of the row's rules in <see cref="SamplingTensors.Rules"/>.</summary>
    public int RulesStart;

    /// <summary>Number of the row's rules.</summary>
    public int RulesCount;

    /// <summary>Divides positive and multiplies other logits of tokens in the history, once each (Keskar et al. 2019); 1 is off.</summary>
    public float RepetitionPenalty;

    /// <summary>Taken off a logit for each time that the history holds the token (OpenAI's API); 0 is off.</summary>
    public float FrequencyPenalty;

    /// <summary>Taken off the logit of each token that the history holds (OpenAI's API); 0 is off.</summary>
    public float PresencePenalty;

    /// <summary>First token of the history that the repetition penalty looks at.</summary>
    public int RepetitionStart;

    /// <summary>First token of the history that frequency and presence penalty count; the prompt's length counts generated tokens only.</summary>
    public int CountStart;

    /// <summary>The three penalties look at this many last tokens only; 0 is all.</summary>
    public int PenaltyWindow;

    /// <summary>No n tokens in a row may come twice, prompt included (Paulus et al. 2017); 0 is off.</summary>
    public int NoRepeatNgram;

    /// <summary>Divides the logits; 0 takes the greatest logit (lowest id on ties) and skips the filters.</summary>
    public float Temperature;

    /// <summary>Keeps the k greatest logits, ties with the k-th included (Fan et al. 2018); 0 is off.</summary>
    public int TopK;

    /// <summary>Keeps logits within n standard deviations (of all finite ones) of the greatest (Tang et al. 2024); 0 is off.</summary>
    public float TopNSigma;

    /// <summary>Keeps tokens at least p times as probable as the most probable one (Nguyen et al. 2024); 0 is off.</summary>
    public float MinP;

    /// <summary>Keeps tokens whose surprise is nearest to the entropy until their sum reaches p, ties included (Meister et al. 2023); 1 is off.</summary>
    public float TypicalP;

    /// <summary>Keeps tokens of at least this probability (Hewitt et al. 2022); 0 is off.</summary>
    public float EpsilonCutoff;

    /// <summary>Keeps tokens of at least min(e, sqrt(e) exp(-entropy)) (Hewitt et al. 2022); 0 is off.</summary>
    public float EtaCutoff;

    /// <summary>32-bit words of a row: columns of <see cref="SamplingTensors.Rows"/>.</summary>
    public static int Words { get; } = Marshal.SizeOf<SamplingRow>() / sizeof(int);

    /// <summary>Temperature 1 and every other step off.</summary>
    public static SamplingRow Plain { get; } = new() { Mask = -1, RepetitionPenalty = 1, Temperature = 1, TopP = 1, TypicalP = 1 };
}

/// <summary>
/// What happens to one token's logit after certain tokens, as it lies in device memory (<see cref="SamplingTensors.Rules"/>): where the history ends with all tokens of the rule but the last, and
/// the position is in [<see cref="First"/>, <see cref="End"/>). Logit biases, bad words, suppressed and forced tokens and least lengths are all such rules.
/// </summary>
/// <remarks>The layout is that of <c>he_token_rule</c> in native/include/hybridengine/he.h.</remarks>
[StructLayout(LayoutKind.Sequential)]
public struct TokenRule
{
    /// <summary>First token in <see cref="SamplingTensors.RuleTokens"/>.</summary>
    public int TokensStart;

    /// <summary>Tokens, at least one; the last is the one whose logit changes. Beyond the vocabulary the rule does nothing.</summary>
    public int TokensCount;

    /// <summary>First position at which the rule applies.</summary>
    public int First;

    /// <summary>Position at which it no longer applies.</summary>
    public int End;

    /// <summary>Added to the logit, before penalties. -inf bans the token, after penalties; +inf forces it: all such tokens get logit 0 and all others are removed, but nothing that the mask removed comes back.</summary>
    public float Bias;

    /// <summary>Adds |logit| (g^(position - First + 1) - 1) at the end: a pull that grows (transformers' exponential decay of the length); 1 is off.</summary>
    public float Growth;

    /// <summary>32-bit words of a rule: columns of <see cref="SamplingTensors.Rules"/>.</summary>
    public static int Words { get; } = Marshal.SizeOf<TokenRule>() / sizeof(int);
}
