namespace HybridEngine.Cli.Benchmarks;

/// <summary>A serving benchmark.</summary>
internal sealed record ServeCase
{
    /// <summary>Requests.</summary>
    public required int Requests { get; init; }

    /// <summary>Longest prompt; their mean is about a third.</summary>
    public required int MaxPrompt { get; init; }

    /// <summary>Longest answer; their mean is about a third.</summary>
    public required int MaxNew { get; init; }

    /// <summary>Requests that come in one forward, on average.</summary>
    public required double ArrivalsPerStep { get; init; }

    /// <summary>Blocks of the cache, as a share of those that all requests would hold together.</summary>
    public required double CacheShare { get; init; }

    /// <summary>Sequences that run at once, at most.</summary>
    public required int Batch { get; init; }

    /// <summary>Share of requests whose clients go away.</summary>
    public required double Cancelled { get; init; }

    /// <summary>Share of requests that are constrained (a model with a tokenizer).</summary>
    public required double Constrained { get; init; }

    /// <summary>Random adapters that requests choose from.</summary>
    public required int Adapters { get; init; }

    /// <summary>Requests whose answers are compared, bit for bit, with those computed alone.</summary>
    public required int Verified { get; init; }

    /// <summary>Of requests, draws and adapters.</summary>
    public required int Seed { get; init; }
}
