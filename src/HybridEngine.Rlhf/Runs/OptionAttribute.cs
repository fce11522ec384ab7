namespace HybridEngine.Rlhf;

/// <summary>Describes one key of a run's configuration; the key is the property's name in snake_case.</summary>
/// <param name="help">One sentence: what it does, its unit, the paper's symbol.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class OptionAttribute(string help) : Attribute
{
    /// <summary>One sentence.</summary>
    public string Help { get; } = help;

    /// <summary>The least value that is allowed.</summary>
    public double Min { get; init; } = double.NegativeInfinity;

    /// <summary>The greatest value that is allowed.</summary>
    public double Max { get; init; } = double.PositiveInfinity;

    /// <summary>The least value itself is not allowed.</summary>
    public bool AboveMin { get; init; }

    /// <summary>Words that are allowed, with commas; empty: any text.</summary>
    public string Choices { get; init; } = "";
}
