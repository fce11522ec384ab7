using HybridEngine.Core;
using HybridEngine.Testing;

namespace HybridEngine.Kernels.Tests;

/// <summary>Sampling parameters of a batch on the host.</summary>
internal sealed record SamplingCase(float[] Temperature, int[] TopK, float[] TopP, float[] MinP, float[] Penalty, int[][] History, long[] Seeds, long[] Requests, int[] Choices, int[] Positions)
{
    /// <summary>Temperature 1 and no filters; rows differ by position.</summary>
    public static SamplingCase Plain(int rows, long seed = 7) => new(
        Fill(rows, 1f), Fill(rows, 0), Fill(rows, 1f), Fill(rows, 0f), Fill(rows, 1f), [], Fill(rows, seed), Fill(rows, 3L), Fill(rows, 0), [.. Enumerable.Range(0, rows)]);

    public int Rows => Temperature.Length;

    public static T[] Fill<T>(int rows, T value) => [.. Enumerable.Repeat(value, rows)];

    public SamplingTensors Tensors(IKernels k)
    {
        int capacity = History.Length == 0 ? 0 : History.Max(h => h.Length) + 1;
        int[] history = [.. History.SelectMany(h => h.Concat(Enumerable.Repeat(-1, capacity - h.Length)))];
        return new SamplingTensors(k.Floats(Temperature), k.Ints(TopK), k.Floats(TopP), k.Floats(MinP), k.Floats(Penalty),
            capacity == 0 ? default : k.Ints(history, Rows, capacity), capacity == 0 ? default : k.Ints([.. History.Select(h => h.Length)]),
            k.Longs(Seeds), k.Longs(Requests), k.Ints(Choices), k.Ints(Positions));
    }

    /// <summary>One row's parameters, so many times, at positions from <paramref name="first"/> on.</summary>
    public SamplingCase Repeat(int row, int times, int first = 0) => new(
        Fill(times, Temperature[row]), Fill(times, TopK[row]), Fill(times, TopP[row]), Fill(times, MinP[row]), Fill(times, Penalty[row]),
        History.Length == 0 ? [] : Fill(times, History[row]), Fill(times, Seeds[row]), Fill(times, Requests[row]), Fill(times, Choices[row]), [.. Enumerable.Range(first, times)]);

    /// <summary>These rows.</summary>
    public SamplingCase Pick(int[] rows) => new(
        [.. rows.Select(r => Temperature[r])], [.. rows.Select(r => TopK[r])], [.. rows.Select(r => TopP[r])], [.. rows.Select(r => MinP[r])], [.. rows.Select(r => Penalty[r])],
        History.Length == 0 ? [] : [.. rows.Select(r => History[r])], [.. rows.Select(r => Seeds[r])], [.. rows.Select(r => Requests[r])], [.. rows.Select(r => Choices[r])], [.. rows.Select(r => Positions[r])]);

    /// <summary>The distribution of one row by sorting: an implementation of its own, in float64.</summary>
    public double[] Distribution(int row, ReadOnlySpan<float> logits)
    {
        double[] z = new double[logits.Length];
        for (int v = 0; v < z.Length; v++) { z[v] = logits[v]; }
        foreach (int token in History.Length == 0 ? [] : History[row].Distinct()) { z[token] = z[token] > 0 ? z[token] / Penalty[row] : z[token] * Penalty[row]; }
        for (int v = 0; v < z.Length; v++) { z[v] /= Temperature[row]; }

        List<int> order = [.. Enumerable.Range(0, z.Length).OrderByDescending(v => z[v]).ThenBy(v => v)];
        if (TopK[row] > 0 && TopK[row] < z.Length) { order.RemoveAll(v => z[v] < z[order[TopK[row] - 1]]); }
        double[] p = [.. order.Select(v => Math.Exp(z[v] - z[order[0]]))];
        double total = p.Sum(), before = 0;
        int kept = 0;
        while (kept < order.Count && (kept == 0 || TopP[row] >= 1 || before < TopP[row] * total)) { before += p[kept++]; }
        while (kept > 1 && p[kept - 1] < MinP[row]) { kept--; }

        double sum = p.Take(kept).Sum();
        double[] result = new double[z.Length];
        for (int i = 0; i < kept; i++) { result[order[i]] = p[i] / sum; }
        return result;
    }
}
