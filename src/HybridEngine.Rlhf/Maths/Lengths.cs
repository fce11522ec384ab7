namespace HybridEngine.Rlhf.Maths;

/// <summary>Checks of span lengths: every function of this room starts with them.</summary>
internal static class Lengths
{
    internal static void Require(int found, int expected, string name)
    {
        if (found != expected) { throw new ArgumentException($"{name} has {found} values, expected {expected}.", name); }
    }

    internal static void RequireOptional(int found, int expected, string name)
    {
        if (found != 0) { Require(found, expected, name); }
    }

    /// <summary>Offsets of packed sequences: start at 0, never fall, end at <paramref name="tokens"/>.</summary>
    internal static void RequireOffsets(ReadOnlySpan<int> offsets, int tokens, string name)
    {
        if (offsets.Length < 1 || offsets[0] != 0 || offsets[^1] != tokens)
        {
            throw new ArgumentException($"{name} must start at 0 and end at {tokens} tokens, found {(offsets.Length == 0 ? "nothing" : $"{offsets[0]} to {offsets[^1]}")}.", name);
        }

        for (int i = 1; i < offsets.Length; i++)
        {
            if (offsets[i] < offsets[i - 1]) { throw new ArgumentException($"{name} falls from {offsets[i - 1]} to {offsets[i]} at {i}.", name); }
        }
    }
}
