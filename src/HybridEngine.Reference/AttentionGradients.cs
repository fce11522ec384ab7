using static HybridEngine.Reference.Loops;

namespace HybridEngine.Reference;

/// <summary>Gradients of attention within one packed sequence, for the query heads that share one key head.</summary>
internal readonly struct AttentionGradients(AttentionRows rows, FloatRows logSumExp, FloatRows dy, FloatRows dq, FloatRows dk, FloatRows dv)
{
    public void Backward(int start, int length, int keyHead)
    {
        int size = rows.Options.HeadSize, group = rows.Options.QueryHeads / rows.Options.KeyHeads;
        using Sums dKeys = Rent(length * size), dValues = Rent(length * size), dQuery = Rent(size);
        for (int head = keyHead * group; head < (keyHead + 1) * group; head++)
        {
            for (int i = 0; i < length; i++)
            {
                dQuery.Span.Clear();
                AddQuery(start, length, i, head, dQuery.Span, dKeys.Span, dValues.Span);
                Store(dQuery.Span, dq.Part(start + i, head * size, size), accumulate: false);
            }
        }

        for (int j = 0; j < length; j++)
        {
            Store(dKeys.Span.Slice(j * size, size), dk.Part(start + j, keyHead * size, size), accumulate: false);
            Store(dValues.Span.Slice(j * size, size), dv.Part(start + j, keyHead * size, size), accumulate: false);
        }
    }

    // With p the soft-max's weights and dp_j = dy . v_j:  ds_j = p_j (dp_j - dy . y),  dq = sum_j ds_j k_j,  dk_j += ds_j q,  dv_j += p_j dy.
    private void AddQuery(int start, int length, int i, int head, Span<double> dQuery, Span<double> dKeys, Span<double> dValues)
    {
        int size = rows.Options.HeadSize;
        ReadOnlySpan<float> upstream = dy.Part(start + i, head * size, size), query = rows.Query(start + i, head);
        double lse = logSumExp[start + i][head], mean = Dot(upstream, rows.Output(start + i, head));
        (int first, int end) = rows.Visible(i, length);
        for (int j = first; j < end; j++)
        {
            (double score, double slope) = rows.Score(start + i, head, i, j, start + j);
            double p = Math.Exp(score - lse);
            double ds = p * (Dot(upstream, rows.Value(start + j, head)) - mean) * slope;
            AddScaled(dQuery, ds, rows.Key(start + j, head));
            AddScaled(dKeys.Slice(j * size, size), ds, query);
            AddScaled(dValues.Slice(j * size, size), p, upstream);
        }
    }
}
