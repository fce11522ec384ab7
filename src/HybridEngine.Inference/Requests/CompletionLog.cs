namespace HybridEngine.Inference;

/// <summary>What is recorded of each new token of one sequence; grows by doubling, so that a step of the engine allocates nothing.</summary>
/// <param name="room">Tokens that it has room for from the start.</param>
internal sealed class CompletionLog(int room)
{
    private float[] _logProbs = new float[Math.Max(room, 1)];
    private float[] _sampledLogProbs = new float[Math.Max(room, 1)];
    private readonly List<(int First, long Version)> _weights = [];    // from which token on
    private List<TokenLogProb[]>? _top;

    public int Count { get; private set; }

    public void Add(float logProb, float sampledLogProb, long weightVersion)
    {
        if (_weights.Count == 0 || _weights[^1].Version != weightVersion) { _weights.Add((Count, weightVersion)); }
        if (Count == _logProbs.Length)
        {
            Array.Resize(ref _logProbs, Count * 2);
            Array.Resize(ref _sampledLogProbs, Count * 2);
        }

        (_logProbs[Count], _sampledLogProbs[Count]) = (logProb, sampledLogProb);
        Count++;
    }

    public void AddTop(TokenLogProb[] best) => (_top ??= []).Add(best);

    public float[] LogProbs() => _logProbs[..Count];

    public float[] SampledLogProbs() => _sampledLogProbs[..Count];

    public long[] WeightVersions()
    {
        long[] versions = new long[Count];
        foreach ((int first, long version) in _weights) { versions.AsSpan(first).Fill(version); }
        return versions;
    }

    public long LastWeightVersion => _weights.Count > 0 ? _weights[^1].Version : 0;

    public TokenLogProb[][] Top() => _top?.ToArray() ?? [];
}
