using HybridEngine.Core;
using static HybridEngine.Reference.Loops;

namespace HybridEngine.Reference;

// Dispatch to experts and back, and their load.
public sealed partial class ReferenceKernels
{
    /// <inheritdoc />
    public void GroupChoices(Tensor experts, Tensor rowOffsets, Tensor tokens, Tensor slots)
    {
        Contract.GroupChoices(Device, experts, rowOffsets, tokens, slots);
        ReadOnlySpan<int> chosen = Ints(experts);
        Span<int> offsets = Ints(rowOffsets), owners = Ints(tokens), places = Ints(slots);
        int topK = (int)experts.Shape[1], row = 0;
        for (int e = 0; e + 1 < offsets.Length; e++)
        {
            offsets[e] = row;
            for (int i = 0; i < chosen.Length; i++)
            {
                if (chosen[i] == e) { (owners[row], places[i], row) = (i / topK, row, row + 1); }
            }
        }

        offsets[^1] = row;
    }

    /// <inheritdoc />
    public void CombineChoices(Tensor grouped, Tensor slots, Tensor weights, Tensor y)
    {
        Contract.CombineChoices(Device, grouped, slots, weights, y);
        FloatRows rows = new(grouped), factors = new(weights), results = new(y);
        int topK = (int)slots.Shape[1];
        for (int t = 0; t < results.Count; t++)
        {
            Span<float> to = results[t];
            for (int c = 0; c < to.Length; c++)
            {
                double sum = 0;
                for (int i = 0; i < topK; i++) { sum += (double)factors[t][i] * rows[Ints(slots)[t * topK + i]][c]; }
                to[c] = (float)sum;
            }
        }
    }

    /// <inheritdoc />
    public void CombineChoicesBackward(Tensor grouped, Tensor slots, Tensor weights, Tensor dy, Tensor dGrouped, Tensor dWeights)
    {
        Contract.CombineChoicesBackward(Device, grouped, slots, weights, dy, dGrouped, dWeights);
        FloatRows rows = new(grouped), factors = new(weights), upstreams = new(dy), dRows = new(dGrouped), dFactors = new(dWeights);
        int topK = (int)slots.Shape[1];
        for (int t = 0; t < upstreams.Count; t++)
        {
            ReadOnlySpan<float> d = upstreams[t];
            for (int i = 0; i < topK; i++)
            {
                int slot = Ints(slots)[t * topK + i];
                double dot = 0;
                for (int c = 0; c < d.Length; c++)
                {
                    dot += (double)d[c] * rows[slot][c];
                    dRows[slot][c] = factors[t][i] * d[c];
                }

                dFactors[t][i] = (float)dot;
            }
        }
    }

    /// <inheritdoc />
    public void ExpertLoad(Tensor logits, Tensor experts, Tensor counts, Tensor probabilities)
    {
        Contract.ExpertLoad(Device, logits, experts, counts, probabilities);
        Span<double> chosen = counts.AsSpan<double>(), sums = probabilities.AsSpan<double>();
        foreach (int expert in Ints(experts)) { chosen[expert]++; }
        FloatRows rows = new(logits);
        for (int t = 0; t < rows.Count; t++)
        {
            double[] p = Softmax(rows[t]);
            for (int e = 0; e < p.Length; e++) { sums[e] += p[e]; }
        }
    }

    /// <inheritdoc />
    public void ExpertLoadBackward(Tensor logits, Tensor dProbabilities, Tensor dLogits)
    {
        Contract.ExpertLoadBackward(Device, logits, dProbabilities, dLogits);
        FloatRows rows = new(logits), results = new(dLogits);
        ReadOnlySpan<float> d = dProbabilities.AsSpan<float>();
        for (int t = 0; t < rows.Count; t++)
        {
            double[] p = Softmax(rows[t]);
            double dot = 0;
            for (int e = 0; e < p.Length; e++) { dot += d[e] * p[e]; }
            for (int e = 0; e < p.Length; e++) { results[t][e] += (float)(p[e] * (d[e] - dot)); }
        }
    }
}
