namespace HybridEngine.Core;

// ISamplingKernels.
public static partial class Contract
{
    /// <summary>Checks <see cref="ISamplingKernels.Sample"/>.</summary>
    public static void Sample(DeviceKind device, Tensor logits, SamplingTensors parameters, Tensor ids, Tensor logProb, Tensor sampledLogProb)
    {
        long rows = RequireLogits(device, logits);
        RequireVector(device, parameters.Temperature, "parameters.Temperature", DType.Float32, rows);
        RequireVector(device, parameters.TopK, "parameters.TopK", DType.Int32, rows);
        RequireVector(device, parameters.TopP, "parameters.TopP", DType.Float32, rows);
        RequireVector(device, parameters.MinP, "parameters.MinP", DType.Float32, rows);
        RequireVector(device, parameters.RepetitionPenalty, "parameters.RepetitionPenalty", DType.Float32, rows);
        RequireVector(device, parameters.Seeds, "parameters.Seeds", DType.Int64, rows);
        RequireVector(device, parameters.Requests, "parameters.Requests", DType.Int64, rows);
        RequireVector(device, parameters.Choices, "parameters.Choices", DType.Int32, rows);
        RequireVector(device, parameters.Positions, "parameters.Positions", DType.Int32, rows);
        RequireValues(parameters.Temperature, "parameters.Temperature", t => t >= 0 && float.IsFinite(t), "0 (greedy) or a positive number");
        RequireRange(parameters.TopK, "parameters.TopK", 0, 1L << 31, "0 is off");
        RequireValues(parameters.TopP, "parameters.TopP", p => p > 0 && p <= 1, "more than 0 and at most 1 (off)");
        RequireValues(parameters.MinP, "parameters.MinP", p => p >= 0 && p <= 1, "0 (off) to 1");
        RequireValues(parameters.RepetitionPenalty, "parameters.RepetitionPenalty", p => p > 0 && float.IsFinite(p), "a positive number, 1 (off)");
        RequireHistory(device, parameters, rows);
        RequireMasks(device, parameters, rows, logits.Shape[1]);
        RequireVector(device, ids, nameof(ids), DType.Int32, rows);
        RequireVector(device, logProb, nameof(logProb), DType.Float32, rows);
        RequireOptionalVector(device, sampledLogProb, nameof(sampledLogProb), DType.Float32, rows);
    }

    /// <summary>Checks <see cref="ISamplingKernels.TopLogProbs"/>.</summary>
    public static void TopLogProbs(DeviceKind device, Tensor logits, Tensor temperature, Tensor ids, Tensor logProbs)
    {
        long rows = RequireLogits(device, logits);
        RequireTemperature(device, temperature, rows);
        Require(device, ids, nameof(ids), DType.Int32, rows, -1);
        long k = ids.Shape[1];
        if (k > logits.Shape[1]) { throw Wrong(nameof(ids), $"{ids}", $"at most {logits.Shape[1]} columns, the vocabulary"); }
        Require(device, logProbs, nameof(logProbs), DType.Float32, rows, k);
    }

    /// <summary>Checks <see cref="ISamplingKernels.LogProbsFromLogits"/>.</summary>
    public static void LogProbsFromLogits(DeviceKind device, Tensor logits, Tensor temperature, Tensor targets, Tensor logProb)
    {
        long rows = RequireLogits(device, logits);
        RequireTemperature(device, temperature, rows);
        RequireVector(device, targets, nameof(targets), DType.Int32, rows);
        RequireRange(targets, nameof(targets), int.MinValue, logits.Shape[1], "columns of logits; negative for none");
        RequireVector(device, logProb, nameof(logProb), DType.Float32, rows);
    }

    private static long RequireLogits(DeviceKind device, Tensor logits)
    {
        Require(device, logits, nameof(logits), DType.Float32, -1, -1);
        if (logits.Shape[1] == 0) { throw Wrong(nameof(logits), $"{logits}", "at least one column"); }
        return logits.Shape[0];
    }

    private static void RequireTemperature(DeviceKind device, Tensor temperature, long rows)
    {
        RequireVector(device, temperature, nameof(temperature), DType.Float32, rows);
        RequireValues(temperature, nameof(temperature), t => t >= 0 && float.IsFinite(t), "0 (counts as 1) or a positive number");
    }

    private static void RequireHistory(DeviceKind device, SamplingTensors parameters, long rows)
    {
        (Tensor history, Tensor lengths) = (parameters.History, parameters.HistoryLengths);
        if (history.IsEmpty != lengths.IsEmpty) { throw Wrong("parameters.HistoryLengths", $"{lengths}", history.IsEmpty ? "no tensor, because there is no history" : $"Int32 [{rows}]"); }
        if (history.IsEmpty)
        {
            RequireValues(parameters.RepetitionPenalty, "parameters.RepetitionPenalty", p => p == 1, "1 (off), because there is no history");
            return;
        }

        Require(device, history, "parameters.History", DType.Int32, rows, -1);
        RequireVector(device, lengths, "parameters.HistoryLengths", DType.Int32, rows);
        RequireRange(lengths, "parameters.HistoryLengths", 0, history.Shape[1] + 1, "columns of parameters.History");
    }

    private static void RequireMasks(DeviceKind device, SamplingTensors parameters, long rows, long vocabulary)
    {
        (Tensor masks, Tensor maskRows) = (parameters.Masks, parameters.MaskRows);
        if (masks.IsEmpty != maskRows.IsEmpty) { throw Wrong("parameters.MaskRows", $"{maskRows}", masks.IsEmpty ? "no tensor, because there are no masks" : $"Int32 [{rows}]"); }
        if (masks.IsEmpty) { return; }
        Require(device, masks, "parameters.Masks", DType.Int32, -1, -1);
        if (masks.Shape[1] < (vocabulary + 31) / 32) { throw Wrong("parameters.Masks", $"{masks}", $"at least {(vocabulary + 31) / 32} columns, a bit for each of {vocabulary} tokens"); }
        RequireVector(device, maskRows, "parameters.MaskRows", DType.Int32, rows);
        RequireRange(maskRows, "parameters.MaskRows", int.MinValue, masks.Shape[0], "rows of parameters.Masks; negative for none");
    }

    private static void RequireValues(Tensor tensor, string name, Func<float, bool> accepts, string expected)
    {
        if (!Readable(tensor)) { return; }
        ReadOnlySpan<float> values = tensor.AsSpan<float>();
        for (int i = 0; i < values.Length; i++)
        {
            if (!accepts(values[i])) { throw Wrong($"{name}[{i}]", $"{values[i]}", expected); }
        }
    }
}
