using Xunit;

namespace HybridEngine.Kernels.Tests;

/// <summary>Pearson's test that draws follow a distribution.</summary>
internal static class ChiSquare
{
    /// <summary>Fails once in about a million runs when the draws are right. Tokens expected fewer than five times share a bin.</summary>
    public static void Check(double[] probabilities, int[] draws, string context)
    {
        Dictionary<int, int> counts = draws.GroupBy(v => v).ToDictionary(g => g.Key, g => g.Count());
        double statistic = 0, pooled = 0;
        int bins = 0, pooledCount = 0;
        for (int v = 0; v < probabilities.Length; v++)
        {
            double expected = probabilities[v] * draws.Length;
            int count = counts.GetValueOrDefault(v);
            if (expected < 5)
            {
                pooled += expected;
                pooledCount += count;
                continue;
            }

            bins++;
            statistic += (count - expected) * (count - expected) / expected;
        }

        if (pooled >= 5)
        {
            bins++;
            statistic += (pooledCount - pooled) * (pooledCount - pooled) / pooled;
        }

        double limit = Critical(Math.Max(bins - 1, 1));
        Assert.True(statistic < limit, $"chi-square {statistic:F1} of {bins} bins exceeds {limit:F1}. {context}");
    }

    // Wilson and Hilferty 1931: (chi2 / df)^(1/3) is nearly normal; 4.75 deviations are one in a million. A little more for few degrees of freedom, where it is too low.
    private static double Critical(int freedom)
    {
        double variance = 2.0 / (9 * freedom);
        return freedom * Math.Pow(1 - variance + 4.9 * Math.Sqrt(variance), 3);
    }
}
