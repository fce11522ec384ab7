namespace HybridEngine;

/// <summary>What a <see cref="HybridModel"/> is doing.</summary>
public enum HybridMode
{
    /// <summary>KV cache alive.</summary>
    Generate,
    /// <summary>Activations and gradients alive.</summary>
    Train,
}

/// <summary>One change of mode, as measured. The weights stay where they are.</summary>
/// <param name="To">The mode entered.</param>
/// <param name="Duration">Of the switch.</param>
/// <param name="BytesBefore">Host bytes of tensors before it, over the whole process.</param>
/// <param name="BytesAfter">The same after it.</param>
public readonly record struct ModeSwitch(HybridMode To, TimeSpan Duration, long BytesBefore, long BytesAfter);

/// <summary>All changes of mode so far.</summary>
public sealed class ModeSwitchStatistics
{
    /// <summary>How many.</summary>
    public long Count { get; private set; }

    /// <summary>Their time together.</summary>
    public TimeSpan Total { get; private set; }

    /// <summary>The slowest.</summary>
    public TimeSpan Longest { get; private set; }

    internal void Add(ModeSwitch change)
    {
        Count++;
        Total += change.Duration;
        if (change.Duration > Longest) { Longest = change.Duration; }
    }
}
