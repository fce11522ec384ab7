using HybridEngine.Core;

namespace HybridEngine;

/// <summary>What a caller meets when <see cref="AsyncEngineOptions.MaxPending"/> requests are there already.</summary>
public enum FullQueue
{
    /// <summary>It waits for a place, in order of arrival.</summary>
    Wait,
    /// <summary>It gets an <see cref="EngineBusyException"/> at once: what a server turns into "try again later".</summary>
    Refuse,
}

/// <summary>How an <see cref="AsyncEngine"/> takes requests.</summary>
public sealed record AsyncEngineOptions
{
    /// <summary>The model's name in answers, metrics and traces; null is its family.</summary>
    public string? ModelId { get; init; }

    /// <summary>Requests that wait or run at once, at most.</summary>
    public int MaxPending { get; init; } = 1024;

    /// <summary>What happens to one more.</summary>
    public FullQueue WhenFull { get; init; }

    internal void Validate()
    {
        if (MaxPending < 1) { throw new InvalidInputException("max_pending", $"{MaxPending}", "at least 1"); }
    }
}

/// <summary>An engine has as many requests as it may hold.</summary>
public sealed class EngineBusyException : HybridEngineException
{
    /// <param name="pending">Requests that wait or run.</param>
    public EngineBusyException(int pending) : base($"engine: {pending} requests wait or run, which is all that max_pending allows; try again later")
    {
    }
}
