using HybridEngine.Models;

namespace HybridEngine.Inference;

/// <summary>A prompt and how to continue it.</summary>
public sealed record GenerationRequest
{
    /// <summary>The most completions of one prompt, so that a number in a request cannot take all memory; as many as vLLM's.</summary>
    public const int MostChoices = 16384;

    /// <summary>Ids of the prompt, at least one.</summary>
    public required int[] Prompt { get; init; }

    /// <summary>Filters, seed, ends.</summary>
    public SamplingOptions Sampling { get; init; } = new();

    /// <summary>Low-rank adapter that the completion is generated with; null is the model as it is. Held until the request has ended.</summary>
    public LoraAdapter? Adapter { get; init; }

    /// <summary>Number of this request among those of one seed: part of the random counter, so equal prompts in one batch differ and a run can be repeated.</summary>
    public long RequestId { get; init; }

    /// <summary>Number of the first choice in the random counter.</summary>
    public int Choice { get; init; }

    /// <summary>Completions of this prompt, which is computed once for all of them.</summary>
    public int Choices { get; init; } = 1;

    /// <summary>Completions that are generated, of which <see cref="Choices"/> are given: those with the greatest mean log-probability (<see cref="GenerationResult.LogProbs"/>), best first. 0 is as many as are given.</summary>
    public int BestOf { get; init; }

    /// <summary>Look for the most likely completions instead of drawing; null draws. <see cref="Choices"/> of them are given, best first, and told to <see cref="OnToken"/> at the end.</summary>
    public BeamOptions? Beams { get; init; }

    /// <summary>Sequences that begin with the prompt: a beam search parts them later.</summary>
    internal int Candidates => Beams is null ? Math.Max(BestOf, Choices) : 1;

    /// <summary>Smaller goes first (vLLM's order): it is admitted before larger ones, and takes their place and blocks when there are no others. Within a priority, clients share fairly.</summary>
    public int Priority { get; init; }

    /// <summary>Who asks, for fairness: among waiting requests of one priority the client that has been served the fewest tokens is next; one client's own go in order of arrival.</summary>
    public string Client { get; init; } = "";

    /// <summary>Turn ids into text (when the engine has a tokenizer); rollouts that only look at ids switch it off.</summary>
    public bool DecodeText { get; init; } = true;

    /// <summary>Leave special tokens out of the text. Off where a marker that the reader looks for is one (function calls of Mistral and Llama); end tokens never are text.</summary>
    public bool SkipSpecialTokens { get; init; } = true;

    /// <summary>Called on the thread that steps the engine, once a generated token, as soon as it is known.</summary>
    public Action<GeneratedToken>? OnToken { get; init; }
}

/// <summary>One generated token.</summary>
/// <param name="Choice">Index of the choice within its request, from 0.</param>
/// <param name="Id">The token; -1 when the choice ended because none may follow (<see cref="FinishReason.NoToken"/>).</param>
/// <param name="LogProb">Log-probability under logits / temperature, before penalty and filters.</param>
/// <param name="Text">Text that has become certain with this token: whole characters only, never a part of a stop text. Empty without a tokenizer.</param>
/// <param name="FinishReason">Why the choice ended with this token, or <see cref="FinishReason.None"/>.</param>
/// <param name="WeightVersion">Version of the weights that drew it.</param>
public readonly record struct GeneratedToken(int Choice, int Id, float LogProb, string Text, FinishReason FinishReason, long WeightVersion = 0);
