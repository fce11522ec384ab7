using System.Globalization;
using Xunit.Sdk;

namespace HybridEngine.Testing;

/// <summary>Comparisons of arrays of numbers. A NaN equals only a NaN; failures name the worst element, both values and the seed.</summary>
public static class Compare
{
    /// <summary>Each |actual - expected| must be at most absolute + relative * |expected|.</summary>
    /// <param name="expected">The oracle's values.</param>
    /// <param name="actual">What is tested.</param>
    /// <param name="absolute">Absolute part of the bound.</param>
    /// <param name="relative">Relative part of the bound.</param>
    /// <param name="context">Printed on failure: what, which sizes, which seed.</param>
    public static void Close(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, double absolute, double relative, object? context = null)
    {
        double[] bounds = new double[expected.Length];
        for (int i = 0; i < bounds.Length; i++) { bounds[i] = absolute + relative * Math.Abs((double)expected[i]); }
        Within(expected, actual, bounds, context);
    }

    /// <summary>Each |actual - expected| must be at most fraction times the greatest finite |expected|, or times <paramref name="least"/> when that is more (values that cancel to almost nothing).</summary>
    public static void CloseToLargest(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, double fraction, object? context = null, double least = 1e-24) =>
        Close(expected, actual, fraction * Math.Max(Largest(expected), least), 0, context);

    /// <summary>Each |actual - expected| must be at most its own bound.</summary>
    public static void Within(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, ReadOnlySpan<double> bounds, object? context = null)
    {
        SameLength(expected.Length, actual.Length, context);
        int worst = -1;
        double worstRatio = 1;
        for (int i = 0; i < expected.Length; i++)
        {
            double ratio = Ratio(expected[i], actual[i], bounds[i]);
            if (ratio > worstRatio) { (worst, worstRatio) = (i, ratio); }
        }

        if (worst >= 0)
        {
            throw new XunitException(string.Create(CultureInfo.InvariantCulture,
                $"[{worst}] of {expected.Length}: expected {expected[worst]:R}, actual {actual[worst]:R}, which is {worstRatio:G3} times the bound {bounds[worst]:G3}. {context}"));
        }
    }

    /// <summary>The same bits, except that any NaN equals any NaN.</summary>
    public static void SameBits(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, object? context = null)
    {
        SameLength(expected.Length, actual.Length, context);
        for (int i = 0; i < expected.Length; i++)
        {
            bool same = BitConverter.SingleToInt32Bits(expected[i]) == BitConverter.SingleToInt32Bits(actual[i]) || (float.IsNaN(expected[i]) && float.IsNaN(actual[i]));
            if (!same) { throw new XunitException($"[{i}] of {expected.Length}: expected exactly {expected[i]:R}, actual {actual[i]:R}. {context}"); }
        }
    }

    private static double Largest(ReadOnlySpan<float> values)
    {
        double largest = 0;
        foreach (float value in values)
        {
            if (float.IsFinite(value)) { largest = Math.Max(largest, Math.Abs((double)value)); }
        }

        return largest;
    }

    // Error over bound: infinite when one is NaN or infinite and the other is something else.
    private static double Ratio(float expected, float actual, double bound)
    {
        if (float.IsFinite(expected) && float.IsFinite(actual))
        {
            double error = Math.Abs((double)actual - expected);
            return error == 0 ? 0 : bound > 0 ? error / bound : double.PositiveInfinity;
        }

        return expected.Equals(actual) ? 0 : double.PositiveInfinity;
    }

    private static void SameLength(int expected, int actual, object? context)
    {
        if (expected != actual) { throw new XunitException($"expected {expected} elements, actual {actual}. {context}"); }
    }
}
