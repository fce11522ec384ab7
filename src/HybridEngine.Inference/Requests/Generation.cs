namespace HybridEngine.Inference;

/// <summary>A submitted request: its choices as they grow. Made by <see cref="GenerationEngine.Submit"/>.</summary>
public sealed class Generation
{
    private readonly Sequence[] _choices;

    internal Generation(GenerationRequest request, SamplingPlan plan)
    {
        (Request, Plan) = (request, plan);
        _choices = new Sequence[request.Candidates];
        for (int i = 0; i < _choices.Length; i++) { _choices[i] = new Sequence(this, i); }
        if (_choices.Length > 1) { _choices[0].Siblings = [.. _choices[1..]]; }
    }

    /// <summary>What was asked.</summary>
    public GenerationRequest Request { get; }

    /// <summary>True when every choice has ended.</summary>
    public bool IsFinished
    {
        get
        {
            if (Beams is { } beams) { return beams.Finish != FinishReason.None; }
            foreach (Sequence s in _choices)
            {
                if (s.Finish == FinishReason.None) { return false; }
            }

            return true;
        }
    }

    /// <summary>The choices in order, as far as they have come (<see cref="GenerationResult.FinishReason"/> tells).</summary>
    /// <remarks>With <see cref="GenerationRequest.BestOf"/> the best of the candidates as they stand.</remarks>
    public GenerationResult[] Results()
    {
        if (Beams is { } beams) { return beams.Results(Request.Choices, Decode); }
        GenerationResult[] all = Array.ConvertAll(_choices, s => s.Result());
        if (all.Length == Request.Choices) { return all; }
        IEnumerable<GenerationResult> best = all.OrderByDescending(r => r.LogProbs.Length == 0 ? double.NegativeInfinity : r.LogProbs.Average(p => (double)p)).Take(Request.Choices);
        return [.. best.Select((r, i) => r with { Choice = i })];
    }

    /// <summary>Its beam search, or null.</summary>
    internal BeamSearch? Beams { get; set; }

    /// <summary>Text of new tokens, for a beam search; null without text.</summary>
    internal Func<int[], string>? Decode { get; set; }

    /// <summary>How its tokens are drawn, as the device takes it.</summary>
    internal SamplingPlan Plan { get; }

    internal ReadOnlySpan<Sequence> Sequences => _choices;
}
