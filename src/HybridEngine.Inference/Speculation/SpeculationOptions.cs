using HybridEngine.Core;

namespace HybridEngine.Inference;

/// <summary>Guesses several tokens ahead, so that one forward may yield more than one. Results do not change by a bit: every token is drawn from the model's own logits with the random number of
/// its position, and a guess only counts when it is that token.</summary>
/// <remarks>Pays where a forward of a few rows costs as much as one of a single row: small batches, which wait for the weights to be read.</remarks>
public sealed record SpeculationOptions
{
    /// <summary>Guesses for one sequence in one step, at most. The number used follows what was right so far, from 1 up.</summary>
    public int MaxDraft { get; init; } = 8;

    /// <summary>Guess only while at most this many sequences run: beyond, rows cost time of their own.</summary>
    public int MaxSequences { get; init; } = 8;

    /// <summary>Prompt lookup (without a draft model): the last tokens must have stood before in prompt or completion, at least so many of them.</summary>
    public int MinMatch { get; init; } = 2;

    /// <summary>Prompt lookup: longer repetitions are looked for first, from this length down.</summary>
    public int MaxMatch { get; init; } = 4;

    /// <summary>Checks every value.</summary>
    /// <exception cref="InvalidInputException">Names the option, what was found and what was expected.</exception>
    public void Validate()
    {
        if (MaxDraft is < 1 or > 64) { throw new InvalidInputException("max_draft", $"{MaxDraft}", "1 to 64"); }
        if (MaxSequences < 1) { throw new InvalidInputException("speculation.max_sequences", $"{MaxSequences}", "at least 1"); }
        if (MinMatch < 1) { throw new InvalidInputException("min_match", $"{MinMatch}", "at least 1"); }
        if (MaxMatch < MinMatch) { throw new InvalidInputException("max_match", $"{MaxMatch}", $"at least min_match ({MinMatch})"); }
    }
}
