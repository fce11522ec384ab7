namespace HybridEngine.Reference;

/// <summary>Log-soft-max of one row of float32 logits. The head and the sampler both go through here, so their log-probabilities are the same bits.</summary>
internal readonly ref struct LogSoftmax
{
    private readonly ReadOnlySpan<float> _logits;
    private readonly float _inverse;

    /// <param name="logits">The row, soft-cap applied.</param>
    /// <param name="temperature">Positive; 0 counts as 1.</param>
    public LogSoftmax(ReadOnlySpan<float> logits, float temperature)
    {
        _logits = logits;
        _inverse = temperature is 0 or 1 ? 1 : 1 / temperature;
        double max = double.NegativeInfinity, sum = 0;
        for (int v = 0; v < logits.Length; v++) { max = Math.Max(max, Z(v)); }
        for (int v = 0; v < logits.Length; v++) { sum += Math.Exp(Z(v) - max); }
        LogSumExp = max + Math.Log(sum);
    }

    public double LogSumExp { get; }

    /// <summary>Logit over temperature, a float32 product.</summary>
    public float Z(int token) => _inverse == 1 ? _logits[token] : _logits[token] * _inverse;

    public float LogProb(int token) => (float)(Z(token) - LogSumExp);

    /// <summary>In nats; a token of probability 0 adds 0.</summary>
    public double Entropy()
    {
        double mean = 0;
        for (int v = 0; v < _logits.Length; v++)
        {
            double p = Math.Exp(Z(v) - LogSumExp);
            if (p != 0) { mean += p * Z(v); }
        }

        return LogSumExp - mean;
    }
}
