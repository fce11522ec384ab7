using System.Runtime.InteropServices;
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
            SamplingRow row = SamplingRows(parameters)[r];
            Sampler sampler = new(Adjusted(rows[r], parameters, r), row);
            (int token, float sampled) = (-1, float.NaN);
            if (!sampler.IsEmpty && row.Temperature == 0) { (token, sampled) = (sampler.Greatest(), 0); }
            else if (!sampler.IsEmpty)
            {
                sampler.Filter();
                (token, sampled) = sampler.Draw(Philox.Uniform(row.Seed, row.Request, row.Choice, row.Position));
            }

            Ints(ids)[r] = token;
            Floats(logProb)[r] = token < 0 ? float.NaN : new LogSoftmax(rows[r], row.Temperature).LogProb(token);
            if (!sampledLogProb.IsEmpty) { Floats(sampledLogProb)[r] = sampled; }
        });
    }

    /// <inheritdoc />
    public void ProcessLogits(Tensor logits, SamplingTensors parameters, Tensor processed)
    {
        Contract.ProcessLogits(Device, logits, parameters, processed);
        FloatRows rows = new(logits), results = new(processed);
        ForEach(rows.Count, rows.Width * 16L, item =>
        {
            int r = (int)item;
            SamplingRow row = SamplingRows(parameters)[r];
            float[] adjusted = Adjusted(rows[r], parameters, r);
            Sampler sampler = new(adjusted, row);
            if (row.Temperature == 0)
            {
                results[r].Fill(float.NegativeInfinity);
                if (!sampler.IsEmpty) { results[r][sampler.Greatest()] = adjusted[sampler.Greatest()]; }
                return;
            }

            if (!sampler.IsEmpty) { sampler.Filter(); }
            sampler.Write(results[r]);
        });
    }

    /// <inheritdoc />
    public void LogSoftmax(Tensor logits, Tensor temperature, Tensor logProbs)
    {
        Contract.LogSoftmax(Device, logits, temperature, logProbs);
        FloatRows rows = new(logits), results = new(logProbs);
        ForEach(rows.Count, rows.Width * 16L, item =>
        {
            int r = (int)item;
            LogSoftmax softmax = new(rows[r], Floats(temperature)[r]);
            float[] values = new float[rows.Width];
            for (int v = 0; v < values.Length; v++) { values[v] = softmax.LogProb(v); }
            values.CopyTo(results[r]);
        });
    }

    /// <inheritdoc />
    public void TopValues(Tensor values, Tensor ids, Tensor top)
    {
        Contract.TopValues(Device, values, ids, top);
        FloatRows rows = new(values), results = new(top);
        for (int r = 0; r < rows.Count; r++)
        {
            float[] row = rows[r].ToArray();
            Span<int> best = Ints(ids.Rows(r, 1));
            int[] order = BestFirst(row);
            for (int i = 0; i < best.Length; i++) { (best[i], results[r][i]) = (order[i], row[order[i]]); }
        }
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
            int[] order = BestFirst(row);
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

    private static int[] BestFirst(float[] row) => [.. Enumerable.Range(0, row.Length).OrderByDescending(v => row[v]).ThenBy(v => v)];

    private static ReadOnlySpan<SamplingRow> SamplingRows(SamplingTensors parameters) => MemoryMarshal.Cast<int, SamplingRow>(parameters.Rows.AsSpan<int>());

    private static float[] Adjusted(ReadOnlySpan<float> logits, SamplingTensors parameters, int r)
    {
        SamplingRow row = SamplingRows(parameters)[r];
        ReadOnlySpan<int> history = parameters.History.IsEmpty ? default : Ints(parameters.History.Rows(r, 1))[..row.HistoryLength];
        ReadOnlySpan<int> mask = row.Mask < 0 || parameters.Masks.IsEmpty ? default : Ints(parameters.Masks.Rows(row.Mask, 1));
        ReadOnlySpan<TokenRule> rules = parameters.Rules.IsEmpty ? default : MemoryMarshal.Cast<int, TokenRule>(parameters.Rules.AsSpan<int>());
        float[] adjusted = logits.ToArray();
        new LogitAdjustments(row, history, mask, rules.Slice(row.RulesStart, row.RulesCount), parameters.RuleTokens.IsEmpty ? default : Ints(parameters.RuleTokens)).Apply(adjusted);
        return adjusted;
    }
}
