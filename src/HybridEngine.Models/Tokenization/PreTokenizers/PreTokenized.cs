namespace HybridEngine.Models;

/// <summary>A text and its division into pieces; the model sees one piece at a time.</summary>
internal sealed class PreTokenized(AlignedText text, List<(int Start, int End)> pieces)
{
    public AlignedText Text { get; } = text;

    /// <summary>Pieces in order; none is empty, gaps were removed.</summary>
    public List<(int Start, int End)> Pieces { get; } = pieces;

    public static PreTokenized Whole(AlignedText text) => new(text, text.Length == 0 ? [] : [(0, text.Length)]);

    /// <summary>Rewrites every piece; what lies between pieces is dropped.</summary>
    /// <param name="rewrite">Appends the new characters of the piece <c>[start, end)</c> to a list.</param>
    public PreTokenized Rewrite(Action<AlignedText, int, int, List<Unit>> rewrite)
    {
        var units = new List<Unit>(Text.Length + Pieces.Count);
        var pieces = new List<(int Start, int End)>(Pieces.Count);
        foreach ((int start, int end) in Pieces)
        {
            int at = units.Count;
            rewrite(Text, start, end, units);
            if (units.Count > at) pieces.Add((at, units.Count));
        }
        return new PreTokenized(AlignedText.FromUnits(units), pieces);
    }
}

/// <summary>One step from text to pieces.</summary>
internal interface IPreTokenizer
{
    PreTokenized Apply(PreTokenized input);
}

/// <summary>Steps one after the other.</summary>
internal sealed class PreTokenizerSequence(IReadOnlyList<IPreTokenizer> steps) : IPreTokenizer
{
    public PreTokenized Apply(PreTokenized input) => steps.Aggregate(input, (current, step) => step.Apply(current));
}
