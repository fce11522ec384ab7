namespace HybridEngine.Training.Tests;

/// <summary>Comparisons that not-a-number never passes.</summary>
public static class Expect
{
    public static void Close(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, double absolute, string what)
    {
        Assert.True(expected.Length == actual.Length, $"{what}: {actual.Length} values, expected {expected.Length}");
        double worst = 0;
        int at = -1;
        for (int i = 0; i < expected.Length; i++)
        {
            double difference = Math.Abs((double)actual[i] - expected[i]);
            if (!(difference <= worst)) { (worst, at) = (difference, i); }
            if (double.IsNaN(difference)) { break; }
        }

        Assert.True(worst <= absolute, $"{what}[{at}]: {(at < 0 ? 0 : actual[at])}, expected {(at < 0 ? 0 : expected[at])}, off by {worst:g3}, allowed {absolute:g3}");
    }

    public static void Close(double expected, double actual, double relative, double absolute, string what) =>
        Assert.True(Math.Abs(actual - expected) <= Math.Max(relative * Math.Abs(expected), absolute), $"{what}: {actual:r}, expected {expected:r}");

    public static void SameBits(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, string what)
    {
        Assert.True(expected.Length == actual.Length, $"{what}: {actual.Length} values, expected {expected.Length}");
        for (int i = 0; i < expected.Length; i++)
        {
            if (BitConverter.SingleToInt32Bits(expected[i]) != BitConverter.SingleToInt32Bits(actual[i])) { Assert.Fail($"{what}[{i}]: {actual[i]:r}, expected {expected[i]:r} bit for bit"); }
        }
    }
}
