namespace HybridEngine.Cuda;

/// <summary>native/cuda/sampling/sampling.h.</summary>
internal struct SamplingArguments
{
    public nint Logits, Rows, History, Rules, RuleTokens, Masks, Z, Weights, Partial, Ids, LogProb, SampledLogProb, Processed;
    public long Stride, HistoryStride, MaskStride, ProcessedStride;
    public int Vocabulary;
}

/// <summary>native/cuda/sampling/sampling.h.</summary>
internal struct TopValuesArguments
{
    public nint Values, Temperature, LogSumExp, Ids, Top;
    public long Stride, IdsStride, TopStride;
    public int Width, K;
}

/// <summary>native/cuda/sampling/sampling.h.</summary>
internal struct RowTemperaturesArguments
{
    public nint Rows, Temperature;
    public int Count;
}
