using HybridEngine.Core;

namespace HybridEngine.Reference;

/// <summary>What is done to single logits of one row before the temperature: mask, rules, penalties, in the order of <see cref="SamplingRow"/>.</summary>
internal readonly ref struct LogitAdjustments
{
    private readonly SamplingRow _row;
    private readonly ReadOnlySpan<int> _history, _mask, _ruleTokens;
    private readonly ReadOnlySpan<TokenRule> _rules;

    /// <param name="row">How the row is drawn from.</param>
    /// <param name="history">Prompt and completion.</param>
    /// <param name="mask">A bit for each token that may be drawn; empty for all of them.</param>
    /// <param name="rules">The row's own.</param>
    /// <param name="ruleTokens">Tokens of all rules.</param>
    public LogitAdjustments(SamplingRow row, ReadOnlySpan<int> history, ReadOnlySpan<int> mask, ReadOnlySpan<TokenRule> rules, ReadOnlySpan<int> ruleTokens)
    {
        _row = row;
        _history = history;
        _mask = mask;
        _rules = rules;
        _ruleTokens = ruleTokens;
    }

    /// <summary>Changes the logits.</summary>
    public void Apply(Span<float> z)
    {
        for (int v = 0; v < z.Length; v++)
        {
            if (!IsAllowed(v)) { z[v] = float.NegativeInfinity; }
        }

        foreach ((int token, TokenRule rule) in Active(z.Length))
        {
            if (float.IsFinite(rule.Bias)) { z[token] += rule.Bias; }
        }

        PenaliseRepetition(z);
        PenaliseCounts(z);
        BanNgrams(z);
        List<(int Token, TokenRule Rule)> active = Active(z.Length);
        foreach ((int token, TokenRule rule) in active)
        {
            if (float.IsNegativeInfinity(rule.Bias)) { z[token] = float.NegativeInfinity; }
        }

        if (active.Exists(a => float.IsPositiveInfinity(a.Rule.Bias)))
        {
            z.Fill(float.NegativeInfinity);
            foreach ((int token, TokenRule rule) in active)
            {
                if (float.IsPositiveInfinity(rule.Bias) && IsAllowed(token)) { z[token] = 0; }
            }
        }

        foreach ((int token, TokenRule rule) in active)
        {
            if (rule.Growth != 1 && float.IsFinite(z[token])) { z[token] += (float)(Math.Abs((double)z[token]) * (Math.Pow(rule.Growth, _row.Position - rule.First + 1) - 1)); }
        }
    }

    private bool IsAllowed(int v) => _mask.IsEmpty || (_mask[v / 32] >> (v % 32) & 1) != 0;

    // Rules that apply now, and the token whose logit each changes.
    private List<(int Token, TokenRule Rule)> Active(int vocabulary)
    {
        List<(int, TokenRule)> active = [];
        foreach (TokenRule rule in _rules)
        {
            ReadOnlySpan<int> tokens = _ruleTokens.Slice(rule.TokensStart, rule.TokensCount);
            bool now = _row.Position >= rule.First && _row.Position < rule.End;
            if (now && (uint)tokens[^1] < (uint)vocabulary && _history.EndsWith(tokens[..^1])) { active.Add((tokens[^1], rule)); }
        }

        return active;
    }

    private ReadOnlySpan<int> Tail(int start)
    {
        if (_row.PenaltyWindow > 0) { start = Math.Max(start, _history.Length - _row.PenaltyWindow); }
        return start < _history.Length ? _history[start..] : default;
    }

    private void PenaliseRepetition(Span<float> z)
    {
        if (_row.RepetitionPenalty == 1) { return; }
        foreach (int token in new HashSet<int>([.. Tail(_row.RepetitionStart)]))
        {
            if ((uint)token < (uint)z.Length) { z[token] = z[token] > 0 ? z[token] / _row.RepetitionPenalty : z[token] * _row.RepetitionPenalty; }
        }
    }

    private void PenaliseCounts(Span<float> z)
    {
        if (_row.FrequencyPenalty == 0 && _row.PresencePenalty == 0) { return; }
        foreach ((int token, int count) in Tail(_row.CountStart).ToArray().CountBy(t => t))
        {
            if ((uint)token < (uint)z.Length) { z[token] -= count * _row.FrequencyPenalty + _row.PresencePenalty; }
        }
    }

    private void BanNgrams(Span<float> z)
    {
        int size = _row.NoRepeatNgram;
        if (size == 0 || _history.Length < size - 1) { return; }
        ReadOnlySpan<int> suffix = _history[(_history.Length - size + 1)..];
        for (int i = 0; i + size <= _history.Length; i++)
        {
            int token = _history[i + size - 1];
            if ((uint)token < (uint)z.Length && _history.Slice(i, size - 1).SequenceEqual(suffix)) { z[token] = float.NegativeInfinity; }
        }
    }
}
