namespace HybridEngine.Inference;

/// <summary>A token of a beam, and by way of <paramref name="Before"/> those before it.</summary>
internal sealed record BeamToken(BeamToken? Before, int Id, float LogProb, float Processed, long WeightVersion);

/// <summary>A token that a beam may go on with.</summary>
/// <param name="Id">The token.</param>
/// <param name="LogProb">Of the model.</param>
/// <param name="Processed">After penalties and bans: what scores are sums of.</param>
internal readonly record struct BeamCandidate(int Id, float LogProb, float Processed);

/// <summary>One running hypothesis.</summary>
internal sealed class Beam(Sequence sequence, double score, BeamToken? last)
{
    public Sequence Sequence { get; } = sequence;

    /// <summary>Sum of processed log-probabilities.</summary>
    public double Score { get; } = score;

    public BeamToken? Last { get; } = last;

    /// <summary>The best ways on, best first; null while they are not computed.</summary>
    public BeamCandidate[]? Candidates { get; set; }

    /// <summary>Taken out of the scheduler while it waits for the others.</summary>
    public bool IsParked { get; set; }
}

/// <summary>A way on that was taken.</summary>
internal readonly record struct BeamStep(Beam Parent, double Score, BeamToken Token, ConstraintState? Constraint, bool Ends, FinishReason Reason);

/// <summary>A completion that was found.</summary>
internal readonly record struct BeamHypothesis(BeamToken? Last, double Score, FinishReason Reason);

/// <summary>The bookkeeping of one beam search: which beams go on, which completions are found, when it is over. On the host: it is a few numbers a step, and decides which sequences there are.</summary>
/// <remarks>transformers' definition (generation/utils.py, <c>_beam_search</c>), for one prompt at a time, so that a result does not depend on what else runs.</remarks>
internal sealed class BeamSearch(BeamOptions options, int maxTokens, int keep, Func<int, bool> isEnd)
{
    private readonly List<BeamHypothesis> _found = [];
    private bool _canImprove = true;

    public BeamOptions Options => options;

    /// <summary>Ways on that each beam must offer.</summary>
    public int Keep => keep;

    /// <summary>Number of the next sequence of this search.</summary>
    public int NextNumber { get; set; } = 1;

    /// <summary>Hypotheses that go on, best first.</summary>
    public List<Beam> Running { get; } = [];

    /// <summary>All beams know their ways on.</summary>
    public bool IsReady => Running.Count > 0 && Running.TrueForAll(b => b.Candidates is not null);

    /// <summary>Why it ended; None while it runs.</summary>
    public FinishReason Finish { get; set; }

    /// <summary>Completions, best first.</summary>
    public IReadOnlyList<BeamHypothesis> Found => _found;

    /// <summary>Takes one token more: gives the beams that go on, none when the search is over.</summary>
    public List<BeamStep> Advance(long weightVersion)
    {
        List<BeamStep> best = BestSteps(weightVersion);
        bool full = _found.Count == options.Beams && options.EarlyStopping == EarlyStopping.WhenFull;
        int length = best.Count == 0 ? 0 : Length(best[0].Token);
        for (int i = 0; i < Math.Min(best.Count, options.Beams); i++)
        {
            // What ends outside the best `Beams` only made room for others.
            if (best[i].Ends && !full && _canImprove) { Add(new BeamHypothesis(best[i].Token, best[i].Score / Math.Pow(length, options.LengthPenalty), best[i].Reason)); }
        }

        List<BeamStep> next = [.. best.Where(s => !s.Ends).Take(options.Beams)];
        if (next.Count == 0 || !CanGoOn(next[0].Score, length)) { return []; }
        return next;
    }

    /// <summary>The completions found, best first; behind them, and while there are too few, the beams that run.</summary>
    /// <param name="count">At most.</param>
    /// <param name="decode">Text of tokens, or null.</param>
    public GenerationResult[] Results(int count, Func<int[], string>? decode)
    {
        IEnumerable<BeamHypothesis> running = Running.Select(b => new BeamHypothesis(b.Last, b.Score / Math.Pow(Math.Max(1, Length(b.Last)), options.LengthPenalty), Finish));
        return [.. _found.Concat(Finish is FinishReason.Stop or FinishReason.Length ? [] : running).Take(count).Select((h, i) => Result(h, i, decode))];
    }

    private GenerationResult Result(BeamHypothesis found, int index, Func<int[], string>? decode)
    {
        List<BeamToken> tokens = [];
        for (BeamToken? t = found.Last; t is not null; t = t.Before) { tokens.Add(t); }
        tokens.Reverse();
        int[] ids = [.. tokens.Select(t => t.Id)];
        int text = found.Reason == FinishReason.Stop && isEnd(ids[^1]) ? ids.Length - 1 : ids.Length;
        return new GenerationResult
        {
            Choice = index, TokenIds = ids, LogProbs = [.. tokens.Select(t => t.LogProb)], SampledLogProbs = [.. tokens.Select(t => t.Processed)], TopLogProbs = [], FinishReason = found.Reason,
            Text = decode?.Invoke(ids[..text]) ?? "", Score = found.Score, WeightVersion = found.Last?.WeightVersion ?? 0, WeightVersions = [.. tokens.Select(t => t.WeightVersion)],
        };
    }

    private List<BeamStep> BestSteps(long weightVersion)
    {
        List<(double Score, int Beam, BeamCandidate Candidate)> all = [];
        for (int b = 0; b < Running.Count; b++)
        {
            foreach (BeamCandidate c in Running[b].Candidates!)
            {
                if (c.Processed > float.NegativeInfinity) { all.Add((Running[b].Score + c.Processed, b, c)); }
            }
        }

        // Of equal scores the earlier beam, then the lower id: as if all beams' tokens stood in one row.
        all.Sort((x, y) => y.Score != x.Score ? y.Score.CompareTo(x.Score) : x.Beam != y.Beam ? x.Beam.CompareTo(y.Beam) : x.Candidate.Id.CompareTo(y.Candidate.Id));
        List<BeamStep> best = [];
        foreach ((double score, int b, BeamCandidate c) in all.Take(keep))
        {
            Beam parent = Running[b];
            BeamToken token = new(parent.Last, c.Id, c.LogProb, c.Processed, weightVersion);
            bool ends = isEnd(c.Id);
            ConstraintState? constraint = ends ? null : parent.Sequence.Constraint?.Clone();
            constraint?.Accept(c.Id);
            bool stops = ends || constraint is { MustEnd: true };
            best.Add(new BeamStep(parent, score, token, constraint, stops || Length(token) == maxTokens, stops ? FinishReason.Stop : FinishReason.Length));
        }

        return best;
    }

    private void Add(BeamHypothesis found)
    {
        int at = _found.FindIndex(f => f.Score < found.Score);
        _found.Insert(at < 0 ? _found.Count : at, found);
        if (_found.Count > options.Beams) { _found.RemoveAt(options.Beams); }
    }

    private bool CanGoOn(double bestRunning, int length)
    {
        bool full = _found.Count == options.Beams;
        if (!full) { return true; }
        if (options.EarlyStopping == EarlyStopping.WhenFull) { return false; }
        int hypothetical = options.EarlyStopping == EarlyStopping.Never && options.LengthPenalty > 0 ? maxTokens : length;
        _canImprove &= bestRunning / Math.Pow(hypothetical, options.LengthPenalty) > _found[^1].Score;
        return _canImprove;
    }

    private static int Length(BeamToken? token)
    {
        int n = 0;
        for (; token is not null; token = token.Before) { n++; }
        return n;
    }
}
