namespace HybridEngine.Rlhf.Tests;

/// <summary>The head of a test: log-probability, entropy, log-sum-exp and mean logit of rows of logits in float64, and the way back.</summary>
internal sealed class SoftmaxRows
{
    private readonly float[] _logits;
    private readonly int[] _targets;
    private readonly int _vocabulary;

    public SoftmaxRows(float[] logits, int[] targets, int vocabulary)
    {
        (_logits, _targets, _vocabulary) = (logits, targets, vocabulary);
        int n = targets.Length;
        (LogProb, Entropy, LogSumExp, MeanLogit, ArgMax) = (new float[n], new float[n], new float[n], new float[n], new int[n]);
        for (int t = 0; t < n; t++)
        {
            ReadOnlySpan<float> z = logits.AsSpan(t * vocabulary, vocabulary);
            double max = double.NegativeInfinity, sum = 0, mean = 0, entropy = 0;
            for (int v = 0; v < vocabulary; v++)
            {
                if (z[v] > max) { (max, ArgMax[t]) = (z[v], v); }
                mean += z[v] / (double)vocabulary;
            }

            foreach (float x in z) { sum += Math.Exp(x - max); }
            double lse = max + Math.Log(sum);
            foreach (float x in z) { entropy -= Math.Exp(x - lse) * (x - lse); }
            LogProb[t] = targets[t] < 0 ? 0 : (float)(z[targets[t]] - lse);
            Entropy[t] = (float)entropy;
            LogSumExp[t] = (float)lse;
            MeanLogit[t] = (float)mean;
        }
    }

    public float[] LogProb { get; }

    public float[] Entropy { get; }

    public float[] LogSumExp { get; }

    public float[] MeanLogit { get; }

    public int[] ArgMax { get; }

    /// <summary>Rows of [batch, width, vocabulary] where row (i, j) predicts label (i, j + 1); ignored labels get weight 0, the rest share 1.</summary>
    public static (SoftmaxRows Rows, float[] Weights) NextToken(float[] logits, float[] labels, int batch, int width, int vocabulary)
    {
        int[] targets = new int[batch * width];
        Array.Fill(targets, -1);
        int counted = 0;
        for (int i = 0; i < batch; i++)
        {
            for (int j = 0; j + 1 < width; j++)
            {
                int label = (int)labels[i * width + j + 1];
                if (label < 0) { continue; }
                targets[i * width + j] = label;
                counted++;
            }
        }

        return (new SoftmaxRows(logits, targets, vocabulary), Array.ConvertAll(targets, t => t < 0 ? 0 : 1f / counted));
    }

    public float[] Backward(ReadOnlySpan<float> dLogProb, ReadOnlySpan<float> dEntropy, ReadOnlySpan<float> dLogSumExp, ReadOnlySpan<float> dMeanLogit)
    {
        float[] d = new float[_logits.Length];
        for (int t = 0; t < _targets.Length; t++)
        {
            double lse = LogSumExp[t], sum = 0;
            ReadOnlySpan<float> z = _logits.AsSpan(t * _vocabulary, _vocabulary);
            foreach (float x in z) { sum += Math.Exp(x - lse); }
            for (int v = 0; v < _vocabulary; v++)
            {
                double logp = z[v] - lse, p = Math.Exp(logp) / sum, g = 0;
                if (!dLogProb.IsEmpty) { g += dLogProb[t] * ((v == _targets[t] ? 1 : 0) - (_targets[t] < 0 ? 0 : p)); }
                if (!dEntropy.IsEmpty) { g -= dEntropy[t] * p * (logp + Entropy[t]); }
                if (!dLogSumExp.IsEmpty) { g += dLogSumExp[t] * p; }
                if (!dMeanLogit.IsEmpty) { g += (double)dMeanLogit[t] / _vocabulary; }
                d[t * _vocabulary + v] = (float)g;
            }
        }

        return d;
    }
}
