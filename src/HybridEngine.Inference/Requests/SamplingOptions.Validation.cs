using System.Globalization;
using HybridEngine.Core;

namespace HybridEngine.Inference;

public sealed partial record SamplingOptions
{
    // Rules and stop ids of one request are looked at for every token: more of them is a mistake, or an attack.
    private const int MostEntries = 65536;

    /// <summary>Checks every value.</summary>
    /// <param name="vocabularySize">Tokens of the model.</param>
    /// <exception cref="InvalidInputException">Names the first option that cannot be used, what was found and what was expected.</exception>
    public void Validate(int vocabularySize)
    {
        RequireNumbers();
        Require(TopLogProbs >= 0 && TopLogProbs <= vocabularySize, "logprobs", TopLogProbs, $"0 to the vocabulary's {vocabularySize}");
        Require(Constraint is null || Constraint.VocabularySize <= vocabularySize, "constraint", $"a constraint for {Constraint?.VocabularySize} tokens", $"one for at most the vocabulary's {vocabularySize}");
        RequireIds(StopTokenIds, "stop_token_ids", vocabularySize);
        RequireIds(SuppressTokens, "suppress_tokens", vocabularySize);
        RequireIds(BeginSuppressTokens, "begin_suppress_tokens", vocabularySize);
        RequireIds(ForcedStart, "forced_start", vocabularySize);
        RequireIds(ForcedEnd, "forced_end", vocabularySize);
        RequireIds([.. LogitBias.Keys], "logit_bias", vocabularySize);
        foreach ((int id, float bias) in LogitBias) { Require(!float.IsNaN(bias) && !float.IsPositiveInfinity(bias), $"logit_bias of {id}", bias, "a number, or -infinity"); }
        Require(BadWordIds.Count + BadWords.Count + SequenceBiases.Count <= MostEntries, "bad_words", BadWordIds.Count + BadWords.Count + SequenceBiases.Count, $"at most {MostEntries}, biases of sequences included");
        foreach (IReadOnlyList<int> word in BadWordIds) { RequireSequence(word, "bad_word_ids", vocabularySize); }
        foreach (SequenceBias bias in SequenceBiases)
        {
            RequireSequence(bias.Tokens, "sequence_bias", vocabularySize);
            Require(!float.IsNaN(bias.Bias) && !float.IsPositiveInfinity(bias.Bias), "sequence_bias", bias.Bias, "a number, or -infinity");
        }

        foreach (string text in StopTexts) { Require(!string.IsNullOrEmpty(text), "stop", "an empty text", "at least one character"); }
        foreach (string text in BadWords) { Require(!string.IsNullOrWhiteSpace(text), "bad_words", "an empty text", "at least one character that is no space"); }
    }

    private void RequireNumbers()
    {
        Require(float.IsFinite(Temperature) && Temperature >= 0, "temperature", Temperature, "a finite number of at least 0");
        Require(TopK >= 0, "top_k", TopK, "0 (off) or more");
        Require(TopP is > 0 and <= 1, "top_p", TopP, "a number above 0 and at most 1 (off)");
        Require(MinP is >= 0 and <= 1, "min_p", MinP, "a number from 0 (off) to 1");
        Require(TypicalP is > 0 and <= 1, "typical_p", TypicalP, "a number above 0 and at most 1 (off)");
        Require(EpsilonCutoff is >= 0 and < 1, "epsilon_cutoff", EpsilonCutoff, "a number from 0 (off) to below 1");
        Require(EtaCutoff is >= 0 and < 1, "eta_cutoff", EtaCutoff, "a number from 0 (off) to below 1");
        Require(float.IsFinite(TopNSigma) && TopNSigma >= 0, "top_n_sigma", TopNSigma, "a finite number of at least 0 (off)");
        Require(float.IsFinite(RepetitionPenalty) && RepetitionPenalty > 0, "repetition_penalty", RepetitionPenalty, "a finite number above 0 (1 is off)");
        Require(float.IsFinite(FrequencyPenalty), "frequency_penalty", FrequencyPenalty, "a finite number, 0 (off)");
        Require(float.IsFinite(PresencePenalty), "presence_penalty", PresencePenalty, "a finite number, 0 (off)");
        Require(PenaltyWindow >= 0, "penalty_window", PenaltyWindow, "0 (all tokens) or more");
        Require(NoRepeatNgram >= 0, "no_repeat_ngram_size", NoRepeatNgram, "0 (off) or more");
        Require(MaxTokens >= 1, "max_tokens", MaxTokens, "at least 1");
        Require(MinTokens >= 0 && MinTokens <= MaxTokens, "min_tokens", MinTokens, $"0 to max_tokens ({MaxTokens})");
        Require(ForcedStart.Count <= MaxTokens, "forced_start", $"{ForcedStart.Count} tokens", $"at most max_tokens ({MaxTokens})");
        Require(EndPullStart >= 0, "end_pull_start", EndPullStart, "0 or more");
        Require(float.IsFinite(EndPullFactor) && EndPullFactor > 0, "end_pull_factor", EndPullFactor, "a finite number above 0 (1 is off)");
    }

    private static void RequireIds(IReadOnlyCollection<int> ids, string name, int vocabularySize)
    {
        Require(ids.Count <= MostEntries, name, $"{ids.Count} ids", $"at most {MostEntries}");
        foreach (int id in ids) { Require(id >= 0 && id < vocabularySize, name, id, $"ids from 0 to {vocabularySize - 1}"); }
    }

    private static void RequireSequence(IReadOnlyList<int> ids, string name, int vocabularySize)
    {
        Require(ids.Count > 0, name, "an empty sequence", "at least one token");
        RequireIds(ids, name, vocabularySize);
    }

    private static void Require(bool ok, string name, IFormattable found, string expected) =>
        Require(ok, name, found.ToString(null, CultureInfo.InvariantCulture), expected);

    private static void Require(bool ok, string name, string found, string expected)
    {
        if (!ok) { throw new InvalidInputException(name, found, expected); }
    }
}
