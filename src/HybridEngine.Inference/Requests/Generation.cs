namespace HybridEngine.Inference;

/// <summary>A submitted request: its choices as they grow. Made by <see cref="GenerationEngine.Submit"/>.</summary>
public sealed class Generation
{
    private readonly Sequence[] _choices;

    internal Generation(GenerationRequest request)
    {
        Request = request;
        _choices = new Sequence[request.Choices];
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
            foreach (Sequence s in _choices)
            {
                if (s.Finish == FinishReason.None) { return false; }
            }

            return true;
        }
    }

    /// <summary>The choices in order, as far as they have come (<see cref="GenerationResult.FinishReason"/> tells).</summary>
    public GenerationResult[] Results() => Array.ConvertAll(_choices, s => s.Result());

    internal ReadOnlySpan<Sequence> Sequences => _choices;
}
