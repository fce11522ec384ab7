using HybridEngine.Core;

namespace HybridEngine.Reference;

/// <summary>Draws one token from one row of adjusted logits: temperature, then filter by filter, each on what the former left.</summary>
internal sealed class Sampler
{
    private readonly float[] _z;
    private readonly bool[] _kept;
    private readonly SamplingRow _row;

    /// <param name="adjusted">The row after <see cref="LogitAdjustments"/>.</param>
    /// <param name="row">How it is drawn from.</param>
    public Sampler(ReadOnlySpan<float> adjusted, SamplingRow row)
    {
        _z = adjusted.ToArray();
        _row = row;
        _kept = Array.ConvertAll(_z, v => !float.IsNegativeInfinity(v));
        float inverse = row.Temperature == 0 ? 1 : 1 / row.Temperature;
        for (int v = 0; v < _z.Length && inverse != 1; v++) { _z[v] *= inverse; }
    }

    /// <summary>Nothing can be drawn.</summary>
    public bool IsEmpty => Array.TrueForAll(_z, v => !(v > float.NegativeInfinity));

    /// <summary>The greatest logit; the lowest id of equals.</summary>
    public int Greatest()
    {
        int best = 0;
        for (int v = 1; v < _z.Length; v++)
        {
            if (_z[v] > _z[best] || float.IsNaN(_z[best])) { best = v; }
        }

        return best;
    }

    /// <summary>Removes what the row's filters remove.</summary>
    public void Filter()
    {
        TopNSigma(_row.TopNSigma);
        TopK(_row.TopK);
        TopP(_row.TopP);
        KeepFrom(_row.MinP, relative: true);
        Typical(_row.TypicalP);
        KeepFrom(_row.EpsilonCutoff, relative: false);
        if (_row.EtaCutoff > 0) { KeepFrom(Math.Min(_row.EtaCutoff, Math.Sqrt(_row.EtaCutoff) * Math.Exp(-Entropy(Probabilities()))), relative: false); }
    }

    /// <summary>The logits over the temperature; -inf for what was removed.</summary>
    public void Write(Span<float> processed)
    {
        for (int v = 0; v < _z.Length; v++) { processed[v] = _kept[v] ? _z[v] : float.NegativeInfinity; }
    }

    /// <summary>The first token, by id, at which the running sum exceeds <paramref name="uniform"/> times the total, and its log-probability among the kept.</summary>
    public (int Token, float LogProb) Draw(float uniform)
    {
        double[] weights = Weights();
        double total = weights.Sum(), running = 0;
        int last = 0;
        for (int v = 0; v < weights.Length; v++)
        {
            if (weights[v] == 0) { continue; }
            last = v;
            running += weights[v];
            if (running > uniform * total) { break; }
        }

        return (last, (float)Math.Log(weights[last] / total));
    }

    private void TopNSigma(float deviations)
    {
        if (deviations <= 0) { return; }
        double[] finite = [.. _z.Where(v => v > float.NegativeInfinity).Select(v => (double)v)];
        double mean = finite.Average(), deviation = Math.Sqrt(finite.Average(v => (v - mean) * (v - mean)));
        float bound = (float)(finite.Max() - deviations * deviation);
        for (int v = 0; v < _z.Length; v++) { _kept[v] &= _z[v] >= bound; }
    }

    private void TopK(int k)
    {
        if (k <= 0 || k >= _z.Length) { return; }
        float bound = _z.OrderDescending().ElementAt(k - 1);
        for (int v = 0; v < _z.Length; v++) { _kept[v] &= _z[v] >= bound; }
    }

    // Ties: lower id first.
    private void TopP(double p)
    {
        if (p >= 1) { return; }
        double[] weights = Weights();
        double total = weights.Sum(), before = 0;
        bool first = true;
        foreach (int token in Enumerable.Range(0, _z.Length).Where(v => _kept[v]).OrderByDescending(v => _z[v]).ThenBy(v => v))
        {
            _kept[token] = first || before < p * total;
            before += weights[token];
            first = false;
        }
    }

    // Keeps probabilities of at least the bound (relative: of that share of the greatest one), and the greatest whatever it is.
    private void KeepFrom(double bound, bool relative)
    {
        if (bound <= 0) { return; }
        double[] p = Probabilities();
        bound = relative ? bound * p.Max() : Math.Min(bound, p.Max());
        for (int v = 0; v < p.Length; v++) { _kept[v] &= p[v] >= bound; }
    }

    // Ties stay in.
    private void Typical(float mass)
    {
        if (mass >= 1) { return; }
        double[] p = Probabilities();
        double entropy = Entropy(p);
        float[] distance = Array.ConvertAll(p, q => q > 0 ? (float)Math.Abs(-Math.Log(q) - entropy) : float.PositiveInfinity);
        double sum = 0;
        float bound = 0;
        foreach (int token in Enumerable.Range(0, p.Length).Where(v => p[v] > 0).OrderBy(v => distance[v]))
        {
            if (sum >= mass) { break; }
            bound = distance[token];
            sum += p[token];
        }

        for (int v = 0; v < p.Length; v++) { _kept[v] &= distance[v] <= bound; }
    }

    private double[] Probabilities()
    {
        double[] weights = Weights();
        double total = weights.Sum();
        return Array.ConvertAll(weights, w => w / total);
    }

    private static double Entropy(double[] p) => p.Sum(q => q > 0 ? -q * Math.Log(q) : 0);

    // Probabilities relative to the greatest kept one; 0 for what was removed.
    private double[] Weights()
    {
        double max = double.NegativeInfinity;
        for (int v = 0; v < _z.Length; v++)
        {
            if (_kept[v]) { max = Math.Max(max, _z[v]); }
        }

        double[] weights = new double[_z.Length];
        for (int v = 0; v < _z.Length; v++) { weights[v] = _kept[v] ? Math.Exp(_z[v] - max) : 0; }
        return weights;
    }
}
