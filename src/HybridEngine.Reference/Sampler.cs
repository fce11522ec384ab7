using HybridEngine.Core;

namespace HybridEngine.Reference;

/// <summary>Draws one token from one row of logits, filter by filter, each on what the former left.</summary>
internal sealed class Sampler
{
    private readonly float[] _z;
    private readonly bool[] _kept;

    /// <param name="logits">The row, unchanged.</param>
    /// <param name="mask">A bit for each token that may be drawn; empty for all of them.</param>
    /// <param name="history">Tokens that the penalty applies to; ids outside the vocabulary are ignored.</param>
    /// <param name="penalty">1 is off.</param>
    /// <param name="temperature">0 leaves the logits as they are.</param>
    public Sampler(ReadOnlySpan<float> logits, ReadOnlySpan<int> mask, ReadOnlySpan<int> history, float penalty, float temperature)
    {
        _z = logits.ToArray();
        _kept = new bool[_z.Length];
        Array.Fill(_kept, true);
        for (int v = 0; v < _z.Length && !mask.IsEmpty; v++)
        {
            if ((mask[v / 32] >> (v % 32) & 1) == 0) { _z[v] = float.NegativeInfinity; }
        }

        if (penalty != 1)
        {
            HashSet<int> seen = [.. history];
            foreach (int token in seen)
            {
                if ((uint)token < (uint)_z.Length) { _z[token] = _z[token] > 0 ? _z[token] / penalty : _z[token] * penalty; }
            }
        }

        if (temperature is 0 or 1) { return; }
        float inverse = 1 / temperature;
        for (int v = 0; v < _z.Length; v++) { _z[v] *= inverse; }
    }

    /// <summary>Nothing can be drawn: every logit is -inf.</summary>
    public bool IsEmpty => Array.TrueForAll(_z, float.IsNegativeInfinity);

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

    /// <summary>Keeps logits not below the k-th greatest.</summary>
    public void TopK(int k)
    {
        if (k <= 0 || k >= _z.Length) { return; }
        float[] sorted = [.. _z];
        Array.Sort(sorted, (a, b) => b.CompareTo(a));
        for (int v = 0; v < _z.Length; v++) { _kept[v] &= _z[v] >= sorted[k - 1]; }
    }

    /// <summary>Keeps the most probable tokens (ties: lower id first) until their sum reaches p; always the first.</summary>
    public void TopP(float p)
    {
        if (p >= 1) { return; }
        double[] weights = Weights();
        double total = 0, before = 0;
        foreach (double weight in weights) { total += weight; }
        bool first = true;
        foreach (int token in Enumerable.Range(0, _z.Length).Where(v => _kept[v]).OrderByDescending(v => _z[v]).ThenBy(v => v))
        {
            _kept[token] = first || before < p * total;
            before += weights[token];
            first = false;
        }
    }

    /// <summary>Keeps tokens at least <paramref name="fraction"/> times as probable as the most probable one.</summary>
    public void MinP(float fraction)
    {
        if (fraction <= 0) { return; }
        double[] weights = Weights();
        for (int v = 0; v < _z.Length; v++) { _kept[v] &= weights[v] >= fraction; }
    }

    /// <summary>The first token, by id, at which the running sum exceeds <paramref name="uniform"/> times the total, and its log-probability among the kept.</summary>
    public (int Token, float LogProb) Draw(float uniform)
    {
        double[] weights = Weights();
        double total = 0, running = 0;
        foreach (double weight in weights) { total += weight; }
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
