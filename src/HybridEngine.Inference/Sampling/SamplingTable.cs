using System.Runtime.InteropServices;
using HybridEngine.Core;

namespace HybridEngine.Inference;

/// <summary>The sampling parameters of a step's rows on the device: each request's plan with its position, history, rules and mask.</summary>
internal sealed class SamplingTable(IKernels kernels, int vocabulary) : IDisposable
{
    private readonly Column<int> _rows = new(kernels), _history = new(kernels), _rules = new(kernels), _ruleTokens = new(kernels), _masks = new(kernels);
    private readonly Dictionary<SamplingPlan, int> _firstRules = [];

    /// <summary>Parameters of <paramref name="draws"/>, one row each; valid until the next call.</summary>
    public SamplingTensors Upload(ReadOnlySpan<DrawRow> draws)
    {
        int count = draws.Length;
        _rows.Reserve(count * SamplingRow.Words);
        Span<SamplingRow> rows = MemoryMarshal.Cast<int, SamplingRow>(_rows.Host.AsSpan(0, count * SamplingRow.Words));
        int longest = 0, masks = 0;
        for (int r = 0; r < count; r++)
        {
            DrawRow draw = draws[r];
            SamplingPlan plan = draw.Sequence.Owner.Plan;
            rows[r] = plan.Row;
            rows[r].Choice = draw.Request.Choice + draw.Sequence.Choice;
            rows[r].Position = draw.Length;
            rows[r].HistoryLength = plan.NeedsHistory ? draw.Length : 0;
            rows[r].Mask = draw.Constraint is null ? -1 : masks++;
            longest = Math.Max(longest, rows[r].HistoryLength);
        }

        (Tensor rules, Tensor ruleTokens) = UploadRules(draws, rows);
        return new SamplingTensors(_rows.Upload(count, SamplingRow.Words), UploadHistory(draws, longest), rules, ruleTokens, UploadMasks(draws, masks));
    }

    /// <inheritdoc />
    public void Dispose()
    {
        foreach (Column<int> column in (ReadOnlySpan<Column<int>>)[_rows, _history, _rules, _ruleTokens, _masks]) { column.Dispose(); }
    }

    // Rules of each request once, however many rows it has.
    private (Tensor Rules, Tensor Tokens) UploadRules(ReadOnlySpan<DrawRow> draws, Span<SamplingRow> rows)
    {
        _firstRules.Clear();
        int count = 0, tokens = 0;
        for (int r = 0; r < draws.Length; r++)
        {
            SamplingPlan plan = draws[r].Sequence.Owner.Plan;
            if (plan.Rules.IsEmpty) { continue; }
            if (!_firstRules.TryGetValue(plan, out int first))
            {
                _firstRules.Add(plan, first = count);
                _rules.Reserve((count + plan.Rules.Length) * TokenRule.Words);
                _ruleTokens.Reserve(tokens + plan.RuleTokens.Length);
                Span<TokenRule> all = MemoryMarshal.Cast<int, TokenRule>(_rules.Host.AsSpan());
                foreach (TokenRule rule in plan.Rules) { all[count++] = rule with { TokensStart = rule.TokensStart + tokens }; }
                plan.RuleTokens.CopyTo(_ruleTokens.Host.AsSpan(tokens));
                tokens += plan.RuleTokens.Length;
            }

            rows[r].RulesStart = first;
        }

        return count == 0 ? default : (_rules.Upload(count, TokenRule.Words), _ruleTokens.Upload(tokens));
    }

    private Tensor UploadHistory(ReadOnlySpan<DrawRow> draws, int longest)
    {
        if (longest == 0) { return default; }
        _history.Reserve(draws.Length * longest);
        for (int r = 0; r < draws.Length; r++)
        {
            if (draws[r].Sequence.Owner.Plan.NeedsHistory) { draws[r].Tokens.CopyTo(_history.Host.AsSpan(r * longest)); }
        }

        return _history.Upload(draws.Length, longest);
    }

    // What each row's constraint allows next, one line of bits a constrained row.
    private Tensor UploadMasks(ReadOnlySpan<DrawRow> draws, int masks)
    {
        if (masks == 0) { return default; }
        int words = (vocabulary + 31) / 32, line = 0;
        _masks.Reserve(masks * words);
        foreach (DrawRow draw in draws)
        {
            if (draw.Constraint is not { } constraint) { continue; }
            Span<int> bits = _masks.Host.AsSpan(line++ * words, words);
            ReadOnlySpan<int> allowed = MemoryMarshal.Cast<uint, int>(constraint.AllowedTokens);
            allowed.CopyTo(bits);
            bits[allowed.Length..].Clear();
        }

        return _masks.Upload(masks, words);
    }
}
