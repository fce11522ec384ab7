using HybridEngine.Core;

namespace HybridEngine.Inference;

/// <summary>When a beam search stops looking for better completions, by transformers' names.</summary>
public enum EarlyStopping
{
    /// <summary>"false": when the best running beam, divided by its present length, is no better than the worst of the completions found.</summary>
    Heuristic,
    /// <summary>"true": as soon as there are as many completions as beams.</summary>
    WhenFull,
    /// <summary>"never": when no running beam can become better than the worst of the completions found, at whatever length.</summary>
    Never,
}

/// <summary>A beam search: the completions with the greatest sum of log-probabilities are looked for, breadth first, instead of drawing.</summary>
/// <remarks>
/// Defined as transformers' <c>generate(do_sample=False, num_beams=..)</c>. Biases, penalties, bans, constraints and least lengths act on the log-probabilities; temperature and filters do not.
/// Beams share the cache's blocks and copy the last one when they part.
/// </remarks>
public sealed record BeamOptions
{
    /// <summary>Beams; 2 or more.</summary>
    public int Beams { get; init; } = 4;

    /// <summary>A completion's score is its sum of log-probabilities divided by (number of its tokens)^this: above 0 favours long ones, below 0 short ones.</summary>
    public float LengthPenalty { get; init; } = 1;

    /// <summary>When to stop.</summary>
    public EarlyStopping EarlyStopping { get; init; }

    /// <summary>Make log-probabilities sum to one again after penalties and bans.</summary>
    public bool Renormalize { get; init; }

    internal void Validate(GenerationRequest request)
    {
        SamplingOptions o = request.Sampling;
        if (Beams is < 2 or > 1024) { throw new InvalidInputException("num_beams", $"{Beams}", "2 to 1024, or no beam search"); }
        if (!float.IsFinite(LengthPenalty)) { throw new InvalidInputException("length_penalty", $"{LengthPenalty}", "a finite number"); }
        if (request.Choices > Beams) { throw new InvalidInputException("n", $"{request.Choices}", $"at most num_beams ({Beams})"); }
        if (request.BestOf != 0) { throw new UnsupportedException("best_of", "a number of candidates beside num_beams", "one of them"); }
        if (o.StopTexts.Count > 0) { throw new UnsupportedException("stop", "a stop text beside num_beams", "stop_token_ids"); }
        if (o.TopLogProbs > 0) { throw new UnsupportedException("logprobs", $"{o.TopLogProbs} beside num_beams", "0"); }
        bool samples = o.Temperature is not (0 or 1) || o.TopK != 0 || o.TopP != 1 || o.MinP != 0 || o.TypicalP != 1 || o.TopNSigma != 0 || o.EpsilonCutoff != 0 || o.EtaCutoff != 0;
        if (samples) { throw new UnsupportedException("num_beams", "a temperature or a filter (a beam search does not draw)", "temperature 0 or 1 and no filters"); }
    }
}
