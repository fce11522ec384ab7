namespace HybridEngine.Inference;

/// <summary>What an engine has done since it was made (or since <see cref="Reset"/>).</summary>
public sealed class EngineStatistics
{
    private long _preemptionsBefore, _hitsBefore, _queriesBefore, _preemptions, _hits, _queries;

    /// <summary>Forwards.</summary>
    public long Steps { get; private set; }

    /// <summary>Rows that were read: prompts, and sequences computed again after an interruption.</summary>
    public long PrefillTokens { get; private set; }

    /// <summary>Rows of sequences that were being continued.</summary>
    public long DecodeTokens { get; private set; }

    /// <summary>Tokens drawn.</summary>
    public long NewTokens { get; private set; }

    /// <summary>Times that a sequence gave up its blocks and was computed again.</summary>
    public long Preemptions => _preemptions - _preemptionsBefore;

    /// <summary>Prompt tokens found in the cache instead of computed.</summary>
    public long PrefixHits => _hits - _hitsBefore;

    /// <summary>Prompt tokens that were looked for in the cache; those of further choices of one prompt count too.</summary>
    public long PrefixQueries => _queries - _queriesBefore;

    /// <summary>Share of prompt tokens that were found in the cache, 0 to 1.</summary>
    public double PrefixHitRate => PrefixQueries == 0 ? 0 : (double)PrefixHits / PrefixQueries;

    /// <summary>Time of steps that read at least one prompt token.</summary>
    public TimeSpan PrefillTime { get; private set; }

    /// <summary>Time of steps that only continued sequences.</summary>
    public TimeSpan DecodeTime { get; private set; }

    /// <summary>Tokens that were guessed ahead (<see cref="SpeculationOptions"/>).</summary>
    public long DraftTokens { get; private set; }

    /// <summary>How many of them were right: tokens that needed no forward of their own.</summary>
    public long AcceptedDrafts { get; private set; }

    /// <summary>Share of guesses that were right, 0 to 1.</summary>
    public double AcceptanceRate => DraftTokens == 0 ? 0 : (double)AcceptedDrafts / DraftTokens;

    /// <summary>Starts counting anew.</summary>
    public void Reset()
    {
        (Steps, PrefillTokens, DecodeTokens, NewTokens) = (0, 0, 0, 0);
        (DraftTokens, AcceptedDrafts) = (0, 0);
        (PrefillTime, DecodeTime) = (TimeSpan.Zero, TimeSpan.Zero);
        (_preemptionsBefore, _hitsBefore, _queriesBefore) = (_preemptions, _hits, _queries);
    }

    internal void AddStep(int prefillTokens, int decodeTokens, int draws, TimeSpan time, Scheduler scheduler)
    {
        Steps++;
        NewTokens += draws;
        PrefillTokens += prefillTokens;
        DecodeTokens += decodeTokens;
        if (prefillTokens > 0) { PrefillTime += time; }
        else { DecodeTime += time; }
        (_preemptions, _hits, _queries) = (scheduler.Preemptions, scheduler.Cache.PrefixHits, scheduler.Cache.PrefixQueries);
    }

    internal void AddDrafts(int drafted, int accepted)
    {
        DraftTokens += drafted;
        AcceptedDrafts += accepted;
    }
}
