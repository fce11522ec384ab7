using System.Globalization;
using System.Runtime.InteropServices;

namespace HybridEngine.Core;

// ISamplingKernels.
public static partial class Contract
{
    /// <summary>Checks <see cref="ISamplingKernels.Sample"/>.</summary>
    public static void Sample(DeviceKind device, Tensor logits, SamplingTensors parameters, Tensor ids, Tensor logProb, Tensor sampledLogProb)
    {
        long rows = RequireLogits(device, logits);
        RequireSampling(device, parameters, rows, logits.Shape[1]);
        RequireVector(device, ids, nameof(ids), DType.Int32, rows);
        RequireVector(device, logProb, nameof(logProb), DType.Float32, rows);
        RequireOptionalVector(device, sampledLogProb, nameof(sampledLogProb), DType.Float32, rows);
    }

    /// <summary>Checks <see cref="ISamplingKernels.ProcessLogits"/>.</summary>
    public static void ProcessLogits(DeviceKind device, Tensor logits, SamplingTensors parameters, Tensor processed)
    {
        long rows = RequireLogits(device, logits);
        RequireSampling(device, parameters, rows, logits.Shape[1]);
        Require(device, processed, nameof(processed), DType.Float32, rows, logits.Shape[1]);
    }

    /// <summary>Checks <see cref="ISamplingKernels.LogSoftmax"/>.</summary>
    public static void LogSoftmax(DeviceKind device, Tensor logits, Tensor temperature, Tensor logProbs)
    {
        long rows = RequireLogits(device, logits);
        RequireTemperature(device, temperature, rows);
        Require(device, logProbs, nameof(logProbs), DType.Float32, rows, logits.Shape[1]);
    }

    /// <summary>Checks <see cref="ISamplingKernels.TopValues"/>.</summary>
    public static void TopValues(DeviceKind device, Tensor values, Tensor ids, Tensor top)
    {
        Require(device, values, nameof(values), DType.Float32, -1, -1);
        Require(device, ids, nameof(ids), DType.Int32, values.Shape[0], -1);
        if (ids.Shape[1] > values.Shape[1]) { throw Wrong(nameof(ids), $"{ids}", $"at most {values.Shape[1]} columns, the width of values"); }
        Require(device, top, nameof(top), DType.Float32, values.Shape[0], ids.Shape[1]);
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

    private static void RequireSampling(DeviceKind device, SamplingTensors parameters, long rows, long vocabulary)
    {
        (Tensor history, Tensor rules, Tensor ruleTokens, Tensor masks) = (parameters.History, parameters.Rules, parameters.RuleTokens, parameters.Masks);
        RequireDense(device, parameters.Rows, "parameters.Rows", rows, SamplingRow.Words);
        if (!history.IsEmpty) { Require(device, history, "parameters.History", DType.Int32, rows, -1); }
        if (rules.IsEmpty != ruleTokens.IsEmpty) { throw Wrong("parameters.RuleTokens", $"{ruleTokens}", rules.IsEmpty ? "no tensor, because there are no rules" : "the tokens of the rules"); }
        if (!rules.IsEmpty)
        {
            RequireDense(device, rules, "parameters.Rules", -1, TokenRule.Words);
            RequireVector(device, ruleTokens, "parameters.RuleTokens", DType.Int32, -1);
            RequireRules(rules, ruleTokens.Count);
        }

        if (!masks.IsEmpty)
        {
            Require(device, masks, "parameters.Masks", DType.Int32, -1, -1);
            if (masks.Shape[1] < (vocabulary + 31) / 32) { throw Wrong("parameters.Masks", $"{masks}", $"at least {(vocabulary + 31) / 32} columns, a bit for each of {vocabulary} tokens"); }
        }

        if (!Readable(parameters.Rows)) { return; }
        ReadOnlySpan<SamplingRow> all = MemoryMarshal.Cast<int, SamplingRow>(parameters.Rows.AsSpan<int>());
        for (int r = 0; r < all.Length; r++)
        {
            RequireRow(in all[r], r);
            SamplingRow row = all[r];
            if (row.HistoryLength < 0 || (!history.IsEmpty && row.HistoryLength > history.Shape[1])) { throw WrongRow(r, nameof(row.HistoryLength), row.HistoryLength, "0 to the columns of parameters.History"); }
            if (history.IsEmpty && LooksBack(in row)) { throw Wrong("parameters.History", "no tensor", $"the history of row {r}, whose penalties look at it"); }
            if (row.RulesStart < 0 || row.RulesCount < 0 || (long)row.RulesStart + row.RulesCount > (rules.IsEmpty ? 0 : rules.Shape[0])) { throw WrongRow(r, nameof(row.RulesCount), row.RulesCount, "rows of parameters.Rules"); }
            if (row.Mask >= (masks.IsEmpty ? 0 : masks.Shape[0])) { throw WrongRow(r, nameof(row.Mask), row.Mask, "a row of parameters.Masks; negative for none"); }
        }
    }

    private static void RequireRow(in SamplingRow row, int r)
    {
        RequireField(r, nameof(row.Temperature), row.Temperature, row.Temperature >= 0 && float.IsFinite(row.Temperature), "0 (greedy) or a positive number");
        RequireField(r, nameof(row.RepetitionPenalty), row.RepetitionPenalty, row.RepetitionPenalty > 0 && float.IsFinite(row.RepetitionPenalty), "a positive number, 1 (off)");
        RequireField(r, nameof(row.FrequencyPenalty), row.FrequencyPenalty, float.IsFinite(row.FrequencyPenalty), "a finite number, 0 (off)");
        RequireField(r, nameof(row.PresencePenalty), row.PresencePenalty, float.IsFinite(row.PresencePenalty), "a finite number, 0 (off)");
        RequireField(r, nameof(row.RepetitionStart), row.RepetitionStart, row.RepetitionStart >= 0, "0 or more");
        RequireField(r, nameof(row.CountStart), row.CountStart, row.CountStart >= 0, "0 or more");
        RequireField(r, nameof(row.PenaltyWindow), row.PenaltyWindow, row.PenaltyWindow >= 0, "0 (all) or more");
        RequireField(r, nameof(row.NoRepeatNgram), row.NoRepeatNgram, row.NoRepeatNgram >= 0, "0 (off) or more");
        RequireField(r, nameof(row.TopK), row.TopK, row.TopK >= 0, "0 (off) or more");
        RequireField(r, nameof(row.TopNSigma), row.TopNSigma, row.TopNSigma >= 0 && float.IsFinite(row.TopNSigma), "0 (off) or a positive number");
        RequireField(r, nameof(row.TopP), row.TopP, row.TopP is >= 0 and <= 1, "0 (the most probable token alone) to 1 (off)");
        RequireField(r, nameof(row.MinP), row.MinP, row.MinP is >= 0 and <= 1, "0 (off) to 1");
        RequireField(r, nameof(row.TypicalP), row.TypicalP, row.TypicalP is > 0 and <= 1, "more than 0 and at most 1 (off)");
        RequireField(r, nameof(row.EpsilonCutoff), row.EpsilonCutoff, row.EpsilonCutoff is >= 0 and < 1, "0 (off) to below 1");
        RequireField(r, nameof(row.EtaCutoff), row.EtaCutoff, row.EtaCutoff is >= 0 and < 1, "0 (off) to below 1");
    }

    private static void RequireRules(Tensor rules, long tokens)
    {
        if (!Readable(rules)) { return; }
        ReadOnlySpan<TokenRule> all = MemoryMarshal.Cast<int, TokenRule>(rules.AsSpan<int>());
        for (int i = 0; i < all.Length; i++)
        {
            TokenRule rule = all[i];
            if (rule.TokensStart < 0 || rule.TokensCount < 1 || (long)rule.TokensStart + rule.TokensCount > tokens) { throw Wrong($"parameters.Rules[{i}]", $"{rule.TokensCount} tokens from {rule.TokensStart}", $"at least one of the {tokens} in parameters.RuleTokens"); }
            if (float.IsNaN(rule.Bias) || !float.IsFinite(rule.Growth)) { throw Wrong($"parameters.Rules[{i}]", $"bias {rule.Bias}, growth {rule.Growth}", "a number each"); }
        }
    }

    private static bool LooksBack(in SamplingRow row) => row.RepetitionPenalty != 1 || row.FrequencyPenalty != 0 || row.PresencePenalty != 0 || row.NoRepeatNgram > 0;

    private static void RequireField<T>(int row, string name, T found, bool ok, string expected) where T : IFormattable
    {
        if (!ok) { throw WrongRow(row, name, found, expected); }
    }

    private static ArgumentException WrongRow<T>(int row, string name, T found, string expected) where T : IFormattable =>
        Wrong($"parameters.Rows[{row}].{name}", found.ToString(null, CultureInfo.InvariantCulture), expected);

    private static void RequireDense(DeviceKind device, Tensor tensor, string name, long rows, long columns)
    {
        Require(device, tensor, name, DType.Int32, rows, columns);
        if (!tensor.IsContiguous) { throw Wrong(name, $"{tensor}", "rows one after another"); }
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
