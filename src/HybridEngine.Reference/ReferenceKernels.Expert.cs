using HybridEngine.Core;
using static HybridEngine.Reference.Loops;

namespace HybridEngine.Reference;

public sealed partial class ReferenceKernels
{
    /// <inheritdoc />
    public void RouteExperts(Tensor logits, bool normalize, Tensor experts, Tensor weights)
    {
        Contract.RouteExperts(Device, logits, experts, weights);
        FloatRows rows = new(logits), results = new(weights);
        for (long t = 0; t < rows.Count; t++)
        {
            float[] row = rows[t].ToArray();
            double[] probabilities = Softmax(row);
            int[] order = [.. Enumerable.Range(0, row.Length).OrderByDescending(e => row[e]).ThenBy(e => e)];
            Span<int> chosen = Ints(experts.Rows(t, 1));
            order.AsSpan(0, chosen.Length).CopyTo(chosen);
            double total = normalize ? Chosen(probabilities, chosen) : 1;
            for (int i = 0; i < chosen.Length; i++) { results[t][i] = (float)(probabilities[chosen[i]] / total); }
        }
    }

    /// <inheritdoc />
    public void RouteExpertsBackward(Tensor logits, bool normalize, Tensor experts, Tensor weights, Tensor dWeights, Tensor dLogits)
    {
        Contract.RouteExpertsBackward(Device, logits, experts, weights, dWeights, dLogits);
        FloatRows rows = new(logits), upstreams = new(dWeights), results = new(dLogits);
        for (long t = 0; t < rows.Count; t++)
        {
            double[] p = Softmax(rows[t]), dp = new double[p.Length];
            ReadOnlySpan<int> chosen = Ints(experts.Rows(t, 1));
            ReadOnlySpan<float> d = upstreams[t];
            double total = normalize ? Chosen(p, chosen) : 1;

            // w_i = p_i / total, and total is the sum of the chosen p when normalised: dp_i = (d_i - sum_j d_j w_j) / total.
            double mean = 0;
            for (int i = 0; normalize && i < chosen.Length; i++) { mean += d[i] * p[chosen[i]] / total; }
            for (int i = 0; i < chosen.Length; i++) { dp[chosen[i]] = (d[i] - mean) / total; }

            double dot = 0;
            for (int e = 0; e < p.Length; e++) { dot += dp[e] * p[e]; }
            for (int e = 0; e < p.Length; e++) { results[t][e] = (float)(p[e] * (dp[e] - dot)); }
        }
    }

    /// <inheritdoc />
    public void GroupedLinear(Tensor x, Tensor rowOffsets, IReadOnlyList<WeightMatrix> experts, Tensor y)
    {
        Contract.GroupedLinear(Device, x, rowOffsets, experts, y);
        for (int e = 0; e < experts.Count; e++) { Product(Group(x, rowOffsets, e), experts[e], default, Group(y, rowOffsets, e), accumulate: false); }
    }

    /// <inheritdoc />
    public void GroupedLinearBackward(Tensor x, Tensor dy, Tensor rowOffsets, IReadOnlyList<WeightMatrix> experts, Tensor dx, IReadOnlyList<WeightMatrix>? dExperts)
    {
        Contract.GroupedLinearBackward(Device, x, dy, rowOffsets, experts, dx, dExperts);
        for (int e = 0; e < experts.Count; e++)
        {
            if (!dx.IsEmpty) { ProductTransposed(Group(dy, rowOffsets, e), experts[e], Group(dx, rowOffsets, e), accumulate: false); }
            if (dExperts is not null) { AddOuterProducts(Group(x, rowOffsets, e), Group(dy, rowOffsets, e), dExperts[e]); }
        }
    }

    private static Tensor Group(Tensor rows, Tensor offsets, int expert) => rows.Rows(Ints(offsets)[expert], Ints(offsets)[expert + 1] - Ints(offsets)[expert]);

    private static double Chosen(double[] probabilities, ReadOnlySpan<int> chosen)
    {
        double sum = 0;
        foreach (int expert in chosen) { sum += probabilities[expert]; }
        return sum;
    }

    private static double[] Softmax(ReadOnlySpan<float> logits)
    {
        double max = double.NegativeInfinity, sum = 0;
        double[] p = new double[logits.Length];
        foreach (float logit in logits) { max = Math.Max(max, logit); }
        for (int i = 0; i < p.Length; i++) { sum += p[i] = Math.Exp(logits[i] - max); }
        for (int i = 0; i < p.Length; i++) { p[i] /= sum; }
        return p;
    }
}
