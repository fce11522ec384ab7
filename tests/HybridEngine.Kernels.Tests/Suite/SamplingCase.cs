using System.Runtime.InteropServices;
using HybridEngine.Core;
using HybridEngine.Testing;

namespace HybridEngine.Kernels.Tests;

/// <summary>Sampling parameters of a batch on the host.</summary>
internal sealed record SamplingCase(SamplingRow[] Rows)
{
    /// <summary>The rows' histories, or none.</summary>
    public int[][] History { get; init; } = [];

    /// <summary>Rules of all rows: tokens, bias, and the positions at which they apply.</summary>
    public SamplingRule[] Rules { get; init; } = [];

    /// <summary>Bits of tokens that may be drawn.</summary>
    public int[][] Masks { get; init; } = [];

    /// <summary>Temperature 1 and no filters; rows differ by position.</summary>
    public static SamplingCase Plain(int rows, long seed = 7) => new([.. Enumerable.Range(0, rows).Select(r => SamplingRow.Plain with { Seed = seed, Request = 3, Position = r })]);

    /// <summary>Every step in some rows, no two rows alike.</summary>
    public static SamplingCase Mixed(TestRandom random, int rows, int vocabulary)
    {
        float Sometimes(double off, double minimum, double maximum) => random.Integer(0, 3) == 0 ? random.Uniform(1, minimum, maximum)[0] : (float)off;
        SamplingRow Row(int r) => SamplingRow.Plain with
        {
            Seed = random.Seed, Request = random.Integer(0, 99), Choice = random.Integer(0, 4), Position = random.Integer(0, 1000), Temperature = r % 7 == 0 ? 0 : random.Uniform(1, 0.3, 2)[0],
            TopK = random.Integer(0, 30), TopP = random.Uniform(1, 0.3, 1)[0], MinP = random.Uniform(1, 0, 0.1)[0], TypicalP = Sometimes(1, 0.3, 1), EpsilonCutoff = Sometimes(0, 0, 0.1),
            EtaCutoff = Sometimes(0, 0, 0.1), TopNSigma = Sometimes(0, 0.5, 3), RepetitionPenalty = random.Uniform(1, 0.8, 1.5)[0], FrequencyPenalty = Sometimes(0, -1, 1),
            PresencePenalty = Sometimes(0, -1, 1), RepetitionStart = random.Integer(0, 5), CountStart = random.Integer(0, 25), PenaltyWindow = random.Integer(0, 12), NoRepeatNgram = random.Integer(0, 4),
            RulesStart = random.Integer(0, 6), RulesCount = random.Integer(0, 6),
        };
        return new SamplingCase([.. Enumerable.Range(0, rows).Select(Row)])
        {
            History = [.. Enumerable.Range(0, rows).Select(r => random.Integers(random.Integer(0, 20), 0, r % 2 == 0 ? 5 : vocabulary))],
            Rules = [new([3], 1.5f), new([2, 3], -4), new([4], float.NegativeInfinity, 500), new([0, 1], float.NegativeInfinity), new([5], 0, 0, 700, 1.01f), new([6, 1], float.PositiveInfinity), new([8], float.PositiveInfinity, 100, 200), new([1, 2], 3),
                new([7], -1), new([9], 2), new([10], 1)],
        };
    }

    public SamplingTensors Tensors(IKernels k)
    {
        int rows = Rows.Length, capacity = History.Length == 0 ? 0 : History.Max(h => h.Length) + 1;
        SamplingRow[] all = [.. Rows];
        for (int r = 0; r < rows && capacity > 0; r++) { all[r].HistoryLength = History[r].Length; }
        int[] history = [.. History.SelectMany(h => h.Concat(Enumerable.Repeat(-1, capacity - h.Length)))], tokens = [.. Rules.SelectMany(r => r.Tokens)];
        TokenRule[] rules = new TokenRule[Rules.Length];
        for (int i = 0, start = 0; i < rules.Length; start += Rules[i++].Tokens.Length)
        {
            rules[i] = new TokenRule { TokensStart = start, TokensCount = Rules[i].Tokens.Length, First = Rules[i].First, End = Rules[i].End, Bias = Rules[i].Bias, Growth = Rules[i].Growth };
        }

        return new SamplingTensors(
            k.Ints([.. MemoryMarshal.Cast<SamplingRow, int>(all)], rows, SamplingRow.Words),
            capacity == 0 ? default : k.Ints(history, rows, capacity),
            rules.Length == 0 ? default : k.Ints([.. MemoryMarshal.Cast<TokenRule, int>(rules)], rules.Length, TokenRule.Words),
            rules.Length == 0 ? default : k.Ints(tokens),
            Masks.Length == 0 ? default : k.Ints([.. Masks.SelectMany(m => m)], Masks.Length, Masks[0].Length));
    }

    /// <summary>All rows changed alike.</summary>
    public SamplingCase With(Func<SamplingRow, SamplingRow> change) => this with { Rows = [.. Rows.Select(change)] };

    /// <summary>One row's parameters, so many times, at positions from <paramref name="first"/> on.</summary>
    public SamplingCase Repeat(int row, int times, int first = 0) => this with
    {
        Rows = [.. Enumerable.Range(first, times).Select(p => Rows[row] with { Position = p })],
        History = History.Length == 0 ? [] : [.. Enumerable.Repeat(History[row], times)],
    };

    /// <summary>These rows.</summary>
    public SamplingCase Pick(int[] rows) => this with { Rows = [.. rows.Select(r => Rows[r])], History = History.Length == 0 ? [] : [.. rows.Select(r => History[r])] };

    /// <summary>The distribution of one row without rules and masks, by sorting: an implementation of its own, in float64.</summary>
    public double[] Distribution(int row, ReadOnlySpan<float> logits)
    {
        SamplingRow o = Rows[row];
        double[] z = new double[logits.Length];
        for (int v = 0; v < z.Length; v++) { z[v] = logits[v]; }
        int[] history = History.Length == 0 ? [] : History[row];
        foreach (int token in history.Distinct()) { z[token] = z[token] > 0 ? z[token] / o.RepetitionPenalty : z[token] * o.RepetitionPenalty; }
        foreach (int token in history) { z[token] -= o.FrequencyPenalty; }
        foreach (int token in history.Distinct()) { z[token] -= o.PresencePenalty; }
        for (int v = 0; v < z.Length; v++) { z[v] /= o.Temperature; }

        List<int> order = [.. Enumerable.Range(0, z.Length).OrderByDescending(v => z[v]).ThenBy(v => v)];
        if (o.TopNSigma > 0)
        {
            double mean = z.Average(), deviation = Math.Sqrt(z.Average(v => (v - mean) * (v - mean)));
            order.RemoveAll(v => z[v] < z.Max() - o.TopNSigma * deviation);
        }

        if (o.TopK > 0 && o.TopK < order.Count) { order.RemoveRange(o.TopK, order.Count - o.TopK); }
        order = Largest(order, z, o.TopP);
        order.RemoveAll(v => Math.Exp(z[v] - z[order[0]]) < o.MinP);
        if (o.TypicalP < 1)
        {
            double[] p = Softmax(order, z);
            double entropy = p.Sum(q => q > 0 ? -q * Math.Log(q) : 0);
            List<int> nearest = [.. order.OrderBy(v => Math.Abs(-Math.Log(p[v]) - entropy))];
            double sum = 0;
            int kept = 0;
            while (kept < nearest.Count && (kept == 0 || sum < o.TypicalP)) { sum += p[nearest[kept++]]; }
            order = [.. nearest.Take(kept).OrderByDescending(v => z[v])];
        }

        order = AtLeast(order, z, o.EpsilonCutoff);
        double[] q = Softmax(order, z);
        if (o.EtaCutoff > 0) { order = AtLeast(order, z, Math.Min(o.EtaCutoff, Math.Sqrt(o.EtaCutoff) * Math.Exp(q.Sum(x => x > 0 ? x * Math.Log(x) : 0)))); }
        return Softmax(order, z);
    }

    private static List<int> Largest(List<int> order, double[] z, double p)
    {
        double[] q = Softmax(order, z);
        double before = 0;
        int kept = 0;
        while (kept < order.Count && (kept == 0 || p >= 1 || before < p)) { before += q[order[kept++]]; }
        return order[..kept];
    }

    private static List<int> AtLeast(List<int> order, double[] z, double bound)
    {
        double[] p = Softmax(order, z);
        return [.. order.Where((v, rank) => rank == 0 || p[v] >= bound)];
    }

    private static double[] Softmax(List<int> kept, double[] z)
    {
        double[] p = new double[z.Length];
        double top = kept.Max(v => z[v]), total = kept.Sum(v => Math.Exp(z[v] - top));
        foreach (int v in kept) { p[v] = Math.Exp(z[v] - top) / total; }
        return p;
    }
}

/// <summary>One <see cref="TokenRule"/> with its tokens.</summary>
internal sealed record SamplingRule(int[] Tokens, float Bias, int First = 0, int End = int.MaxValue, float Growth = 1);
