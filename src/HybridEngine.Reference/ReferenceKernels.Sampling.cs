using HybridEngine.Core;
using static HybridEngine.Reference.Loops;

namespace HybridEngine.Reference;

public sealed partial class ReferenceKernels
{
    /// <inheritdoc />
    public void Sample(Tensor logits, SamplingTensors parameters, Tensor ids, Tensor logProb, Tensor sampledLogProb)
    {
        Contract.Sample(Device, logits, parameters, ids, logProb, sampledLogProb);
        FloatRows rows = new(logits);
        ForEach(rows.Count, rows.Width * 16L, item =>
        {
            int r = (int)item;
            float temperature = Floats(parameters.Temperature)[r];
            Sampler sampler = new(rows[r], Mask(parameters, r), History(parameters, r), Floats(parameters.RepetitionPenalty)[r], temperature);
            (int token, float sampled) = sampler.IsEmpty ? (-1, float.NaN) : temperature == 0 ? (sampler.Greatest(), 0) : Draw(sampler, parameters, r);
            Ints(ids)[r] = token;
            Floats(logProb)[r] = token < 0 ? float.NaN : new LogSoftmax(rows[r], temperature).LogProb(token);
            if (!sampledLogProb.IsEmpty) { Floats(sampledLogProb)[r] = sampled; }
        });
    }

    /// <inheritdoc />
    public void TopLogProbs(Tensor logits, Tensor temperature, Tensor ids, Tensor logProbs)
    {
        Contract.TopLogProbs(Device, logits, temperature, ids, logProbs);
        FloatRows rows = new(logits), results = new(logProbs);
        for (int r = 0; r < rows.Count; r++)
        {
            float[] row = rows[r].ToArray();
            LogSoftmax softmax = new(row, Floats(temperature)[r]);
            int[] order = [.. Enumerable.Range(0, row.Length).OrderByDescending(v => row[v]).ThenBy(v => v)];
            Span<int> best = Ints(ids.Rows(r, 1));
            for (int i = 0; i < best.Length; i++)
            {
                best[i] = order[i];
                results[r][i] = softmax.LogProb(order[i]);
            }
        }
    }

    /// <inheritdoc />
    public void LogProbsFromLogits(Tensor logits, Tensor temperature, Tensor targets, Tensor logProb)
    {
        Contract.LogProbsFromLogits(Device, logits, temperature, targets, logProb);
        FloatRows rows = new(logits);
        ForEach(rows.Count, rows.Width * 16L, item =>
        {
            int r = (int)item, target = Ints(targets)[r];
            Floats(logProb)[r] = target < 0 ? 0 : new LogSoftmax(rows[r], Floats(temperature)[r]).LogProb(target);
        });
    }

    private static (int Token, float LogProb) Draw(Sampler sampler, SamplingTensors parameters, int r)
    {
        sampler.TopK(Ints(parameters.TopK)[r]);
        sampler.TopP(Floats(parameters.TopP)[r]);
        sampler.MinP(Floats(parameters.MinP)[r]);
        float uniform = Philox.Uniform(parameters.Seeds.AsSpan<long>()[r], parameters.Requests.AsSpan<long>()[r], Ints(parameters.Choices)[r], Ints(parameters.Positions)[r]);
        return sampler.Draw(uniform);
    }

    private static ReadOnlySpan<int> Mask(SamplingTensors parameters, int r)
    {
        int row = parameters.MaskRows.IsEmpty ? -1 : Ints(parameters.MaskRows)[r];
        return row < 0 ? default : Ints(parameters.Masks.Rows(row, 1));
    }

    private static ReadOnlySpan<int> History(SamplingTensors parameters, int r) =>
        parameters.History.IsEmpty ? default : Ints(parameters.History.Rows(r, 1))[..Ints(parameters.HistoryLengths)[r]];
}
