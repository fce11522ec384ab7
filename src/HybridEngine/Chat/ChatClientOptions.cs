using HybridEngine.Core;
using HybridEngine.Inference;

namespace HybridEngine;

/// <summary>What a <see cref="HybridChatClient"/> does where a call's <c>ChatOptions</c> say nothing.</summary>
public sealed record ChatClientOptions
{
    /// <summary>Longest answer, in tokens; never more than the context leaves.</summary>
    public int MaxOutputTokens { get; init; } = 1024;

    /// <summary>Filters, penalties and temperature. Its seed is not used: without <c>ChatOptions.Seed</c> every call draws anew from the model's seed and the number of the call.</summary>
    public SamplingOptions Sampling { get; init; } = new();

    internal void Validate()
    {
        if (MaxOutputTokens < 1) { throw new InvalidInputException("max_output_tokens", $"{MaxOutputTokens}", "at least 1"); }
    }
}
