namespace HybridEngine.Rlhf;

/// <summary>A small seeded generator for data: shuffles, splits, the pocket tasks. Its whole state is one number, so a checkpoint can hold it.</summary>
/// <remarks>Source: Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators".</remarks>
public struct SplitMix64
{
    /// <param name="seed">The first state.</param>
    public SplitMix64(ulong seed) => State = seed;

    /// <summary>Everything there is to save.</summary>
    public ulong State { get; set; }

    /// <summary>The next 64 bits.</summary>
    public ulong Next()
    {
        State += 0x9E3779B97F4A7C15;
        ulong z = State;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>A number in [0, <paramref name="bound"/>).</summary>
    public int Below(int bound) => (int)((Next() >> 33) % (uint)bound);

    /// <summary>A number in [0, 1), a multiple of 2^-53.</summary>
    public double Unit() => (Next() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Fisher and Yates's shuffle.</summary>
    public void Shuffle<T>(Span<T> items)
    {
        for (int i = items.Length - 1; i > 0; i--)
        {
            int j = Below(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }
}
