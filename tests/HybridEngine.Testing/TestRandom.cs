namespace HybridEngine.Testing;

/// <summary>Seeded random inputs. Every run draws a fresh seed; a failure prints it, and HE_TEST_SEED repeats it.</summary>
public sealed class TestRandom
{
    private readonly Random _random;

    /// <summary>Takes HE_TEST_SEED, else a new seed.</summary>
    public TestRandom() : this(int.TryParse(Environment.GetEnvironmentVariable("HE_TEST_SEED"), out int seed) ? seed : Random.Shared.Next()) { }

    /// <summary>Always the same values.</summary>
    public TestRandom(int seed) => (_random, Seed) = (new Random(seed), seed);

    /// <summary>What repeats these values.</summary>
    public int Seed { get; }

    /// <summary>For assertion messages.</summary>
    public override string ToString() => $"HE_TEST_SEED={Seed}";

    /// <summary>Normal numbers of mean 0 and this deviation.</summary>
    public float[] Normal(long count, double deviation = 1)
    {
        float[] values = new float[count];
        for (int i = 0; i < values.Length; i++) { values[i] = (float)(deviation * Gaussian()); }
        return values;
    }

    /// <summary>Numbers in [low, high).</summary>
    public float[] Uniform(long count, double low, double high)
    {
        float[] values = new float[count];
        for (int i = 0; i < values.Length; i++) { values[i] = (float)(low + (high - low) * _random.NextDouble()); }
        return values;
    }

    /// <summary>Integers in [low, high).</summary>
    public int[] Integers(long count, int low, int high)
    {
        int[] values = new int[count];
        for (int i = 0; i < values.Length; i++) { values[i] = _random.Next(low, high); }
        return values;
    }

    /// <summary>One integer in [low, high).</summary>
    public int Integer(int low, int high) => _random.Next(low, high);

    /// <summary>0 to count - 1 in random order.</summary>
    public int[] Permutation(int count)
    {
        int[] values = [.. Enumerable.Range(0, count)];
        _random.Shuffle(values);
        return values;
    }

    // Box and Muller 1958.
    private double Gaussian() => Math.Sqrt(-2 * Math.Log(1 - _random.NextDouble())) * Math.Cos(2 * Math.PI * _random.NextDouble());
}
