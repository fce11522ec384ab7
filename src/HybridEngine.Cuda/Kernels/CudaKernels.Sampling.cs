using HybridEngine.Core;

namespace HybridEngine.Cuda;

public sealed unsafe partial class CudaKernels
{
    private const int SamplingThreads = 256, SamplingSharedBytes = (16 * SamplingThreads + 16 + SamplingThreads / 32) * sizeof(long);

    // Sums of weights are 64-bit integers of 2^-44.
    private const int MostTokens = (1 << 20) - 1;

    private static readonly Kernel _draw = new("sampling.sampling", "sampling_draw", SamplingThreads), _process = new("sampling.sampling", "sampling_process", SamplingThreads),
        _top = new("sampling.sampling", "sampling_top", SamplingThreads), _temperatures = new("sampling.sampling", "sampling_temperatures", SamplingThreads);

    /// <inheritdoc />
    public void Sample(Tensor logits, SamplingTensors parameters, Tensor ids, Tensor logProb, Tensor sampledLogProb)
    {
        Contract.Sample(Device, logits, parameters, ids, logProb, sampledLogProb);
        (long rows, int tiles) = (logits.Shape[0], Tiles(logits.Shape[1]));
        if (rows == 0) { return; }
        Tensor temperature = _scratch.Rent(DType.Float32, rows), partial = _scratch.Rent(DType.Float32, rows, tiles, 4);
        Tensor z = _scratch.Rent(DType.Float32, rows, logits.Shape[1]), weights = _scratch.Rent(DType.Float32, rows, logits.Shape[1]);
        _device.Launch(_temperatures, new Grid(Grid.Pieces(rows, SamplingThreads)), new RowTemperaturesArguments { Rows = At(parameters.Rows), Temperature = At(temperature), Count = Int(rows) });
        LaunchTiles(logits, temperature, default, partial, default, 0, tiles, new HeadOptions());
        SamplingArguments a = Arguments(logits, parameters, z, weights) with { Partial = At(partial), Ids = At(ids), LogProb = At(logProb), SampledLogProb = At(sampledLogProb) };
        _device.Launch(_draw, new Grid(rows), a, SamplingSharedBytes);
        foreach (Tensor t in (ReadOnlySpan<Tensor>)[temperature, partial, z, weights]) { _scratch.Return(t); }
    }

    /// <inheritdoc />
    public void ProcessLogits(Tensor logits, SamplingTensors parameters, Tensor processed)
    {
        Contract.ProcessLogits(Device, logits, parameters, processed);
        long rows = logits.Shape[0];
        if (rows == 0) { return; }
        Tensor z = _scratch.Rent(DType.Float32, rows, logits.Shape[1]), weights = _scratch.Rent(DType.Float32, rows, logits.Shape[1]);
        _device.Launch(_process, new Grid(rows), Arguments(logits, parameters, z, weights) with { Processed = At(processed), ProcessedStride = RowStride(processed) }, SamplingSharedBytes);
        _scratch.Return(z);
        _scratch.Return(weights);
    }

    /// <inheritdoc />
    public void LogSoftmax(Tensor logits, Tensor temperature, Tensor logProbs)
    {
        Contract.LogSoftmax(Device, logits, temperature, logProbs);
        Tensor lse = LogSumExps(logits, temperature, default, default);
        if (lse.IsEmpty) { return; }
        _device.Launch(_logSoftmax, new Grid(logits.Shape[0], Grid.Pieces(logits.Shape[1], HeadColumns)), new LogSoftmaxArguments
        {
            Logits = At(logits), Stride = RowStride(logits), Temperature = At(temperature), LogSumExp = At(lse), LogProbs = At(logProbs), ToStride = RowStride(logProbs), Columns = Int(logits.Shape[1]),
        });
        _scratch.Return(lse);
    }

    /// <inheritdoc />
    public void TopValues(Tensor values, Tensor ids, Tensor top)
    {
        Contract.TopValues(Device, values, ids, top);
        Top(values, default, default, ids, top);
    }

    /// <inheritdoc />
    public void TopLogProbs(Tensor logits, Tensor temperature, Tensor ids, Tensor logProbs)
    {
        Contract.TopLogProbs(Device, logits, temperature, ids, logProbs);
        Tensor lse = LogSumExps(logits, temperature, default, default);
        if (lse.IsEmpty) { return; }
        Top(logits, temperature, lse, ids, logProbs);
        _scratch.Return(lse);
    }

    /// <inheritdoc />
    public void LogProbsFromLogits(Tensor logits, Tensor temperature, Tensor targets, Tensor logProb)
    {
        Contract.LogProbsFromLogits(Device, logits, temperature, targets, logProb);
        Tensor lse = LogSumExps(logits, temperature, targets, logProb);
        if (!lse.IsEmpty) { _scratch.Return(lse); }
    }

    // The log-sum-exp of every row, in scratch memory (none where there is no row), and the log-probabilities of targets.
    private Tensor LogSumExps(Tensor logits, Tensor temperature, Tensor targets, Tensor logProb)
    {
        (long rows, int tiles) = (logits.Shape[0], Tiles(logits.Shape[1]));
        if (rows == 0) { return default; }
        Tensor partial = _scratch.Rent(DType.Float32, rows, tiles, 4), targetZ = _scratch.Rent(DType.Float32, rows), lse = _scratch.Rent(DType.Float32, rows);
        LaunchTiles(logits, temperature, targets, partial, targetZ, 0, tiles, new HeadOptions());
        Finish(partial, targetZ, targets, logProb, lse, default, tiles);
        _scratch.Return(partial);
        _scratch.Return(targetZ);
        return lse;
    }

    private void Top(Tensor values, Tensor temperature, Tensor lse, Tensor ids, Tensor top) => _device.Launch(_top, new Grid(values.Shape[0]), new TopValuesArguments
    {
        Values = At(values), Stride = RowStride(values), Temperature = At(temperature), LogSumExp = At(lse), Ids = At(ids), IdsStride = RowStride(ids), Top = At(top), TopStride = RowStride(top),
        Width = Int(values.Shape[1]), K = Int(ids.Shape[1]),
    }, SamplingSharedBytes);

    private static SamplingArguments Arguments(Tensor logits, SamplingTensors parameters, Tensor z, Tensor weights)
    {
        if (logits.Shape[1] > MostTokens) { throw new UnsupportedException("backend cuda: sampling", $"a vocabulary of {logits.Shape[1]} tokens", $"at most {MostTokens}"); }
        return new SamplingArguments
        {
            Logits = At(logits), Stride = RowStride(logits), Rows = At(parameters.Rows), History = At(parameters.History), HistoryStride = RowStride(parameters.History), Rules = At(parameters.Rules),
            RuleTokens = At(parameters.RuleTokens), Masks = At(parameters.Masks), MaskStride = RowStride(parameters.Masks), Z = At(z), Weights = At(weights), Vocabulary = Int(logits.Shape[1]),
        };
    }
}
