using System.Runtime.InteropServices;
using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Inference;

/// <summary>The sampling options of one request as the device takes them: made once, when it is submitted.</summary>
internal sealed class SamplingPlan
{
    private readonly List<TokenRule> _rules = [];
    private readonly List<int> _tokens = [];

    /// <param name="request">Its prompt's length places the rules.</param>
    /// <param name="endTokens">The model's.</param>
    /// <param name="vocabulary">Logits a row.</param>
    /// <param name="tokenizer">For bad words that are text.</param>
    /// <exception cref="UnsupportedException">Bad words without a tokenizer.</exception>
    public SamplingPlan(GenerationRequest request, IReadOnlyCollection<int> endTokens, int vocabulary, Tokenizer? tokenizer)
    {
        SamplingOptions o = request.Sampling;
        int prompt = request.Prompt.Length;
        foreach ((int token, float bias) in o.LogitBias) { Add([token], bias); }
        foreach (SequenceBias bias in o.SequenceBiases) { Add(bias.Tokens, bias.Bias); }
        foreach (IReadOnlyList<int> word in o.BadWordIds) { Ban(word); }
        AddBadWords(o.BadWords, tokenizer);
        int[] ends = [.. (o.IgnoreEos ? [] : endTokens).Concat(o.StopTokenIds).Distinct()];
        foreach (int token in o.MinTokens > 0 ? ends : []) { Ban([token], 0, prompt + o.MinTokens); }
        foreach (int token in o.SuppressTokens) { Ban([token]); }
        foreach (int token in o.BeginSuppressTokens) { Ban([token], prompt, prompt + 1); }
        for (int i = 0; i < o.ForcedStart.Count; i++) { Add([o.ForcedStart[i]], float.PositiveInfinity, prompt + i, prompt + i + 1); }
        foreach (int token in o.ForcedEnd) { Add([token], float.PositiveInfinity, prompt + o.MaxTokens - 1, prompt + o.MaxTokens); }
        foreach (int token in o.EndPullFactor != 1 ? ends : []) { Add([token], 0, prompt + o.EndPullStart + 1, int.MaxValue, o.EndPullFactor); }

        Row = SamplingRow.Plain with
        {
            Seed = o.Seed, Request = request.RequestId, RulesCount = _rules.Count, RepetitionPenalty = o.RepetitionPenalty, FrequencyPenalty = o.FrequencyPenalty, PresencePenalty = o.PresencePenalty,
            RepetitionStart = o.RepetitionIgnoresPrompt ? prompt : 0, CountStart = prompt, PenaltyWindow = o.PenaltyWindow, NoRepeatNgram = o.NoRepeatNgram, Temperature = o.Temperature,
            TopK = Math.Min(o.TopK, vocabulary), TopNSigma = o.TopNSigma, TopP = o.TopP, MinP = o.MinP, TypicalP = o.TypicalP, EpsilonCutoff = o.EpsilonCutoff, EtaCutoff = o.EtaCutoff,
        };
        if (request.Beams is not null) { Row = Row with { Temperature = 1 }; }
        NeedsHistory = o.RepetitionPenalty != 1 || o.FrequencyPenalty != 0 || o.PresencePenalty != 0 || o.NoRepeatNgram > 0 || _rules.Exists(r => r.TokensCount > 1);
    }

    /// <summary>The parameters that do not change from token to token; rules start at 0.</summary>
    public SamplingRow Row { get; }

    /// <summary>Something is done to logits before the temperature, constraints aside.</summary>
    public bool Adjusts => NeedsHistory || _rules.Count > 0;

    /// <summary>Some step looks at the tokens before.</summary>
    public bool NeedsHistory { get; }

    /// <summary>The rules; their tokens start at 0 of <see cref="RuleTokens"/>.</summary>
    public ReadOnlySpan<TokenRule> Rules => CollectionsMarshal.AsSpan(_rules);

    /// <summary>Tokens of all rules.</summary>
    public ReadOnlySpan<int> RuleTokens => CollectionsMarshal.AsSpan(_tokens);

    private void Ban(IReadOnlyList<int> tokens, int first = 0, int end = int.MaxValue) => Add(tokens, float.NegativeInfinity, first, end);

    private void Add(IReadOnlyList<int> tokens, float bias, int first = 0, int end = int.MaxValue, float growth = 1)
    {
        _rules.Add(new TokenRule { TokensStart = _tokens.Count, TokensCount = tokens.Count, First = first, End = end, Bias = bias, Growth = growth });
        _tokens.AddRange(tokens);
    }

    // A word begins a text or follows a space, which byte-level and SentencePiece vocabularies spell differently.
    private void AddBadWords(IReadOnlyList<string> words, Tokenizer? tokenizer)
    {
        foreach (string word in words)
        {
            if (tokenizer is null) { throw new UnsupportedException("bad_words", "a text without a tokenizer", "bad_word_ids"); }
            int[] bare = tokenizer.Encode(word, addSpecialTokens: false), spaced = tokenizer.Encode(" " + word.TrimStart(), addSpecialTokens: false);
            if (bare.Length > 0) { Ban(bare); }
            if (spaced.Length > 0 && !spaced.AsSpan().SequenceEqual(bare)) { Ban(spaced); }
        }
    }
}
