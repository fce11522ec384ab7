using System.Diagnostics;
using System.Text.Json;
using HybridEngine.Cli.Output;
using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Cli.Benchmarks;

/// <summary>The figures of one benchmark, for people and as JSON with the keys of PyTorch's side (benchmarks/peers) and those that only we have.</summary>
internal sealed class BenchReport
{
    private readonly BenchCase _test;
    private readonly string _model, _engine, _dtype, _variant, _weights, _keyValues, _limit = "";
    private readonly int _threads;
    private readonly Roofline? _roof;
    private readonly BenchTimes _times;
    private readonly double _median, _floor;
    private readonly long _peakMebibytes;

    /// <param name="test">What was timed.</param>
    /// <param name="model">Its name or path.</param>
    /// <param name="decoder">It.</param>
    /// <param name="engine">The backend, for people.</param>
    /// <param name="threads">Of the CPU.</param>
    /// <param name="roof">Null where the backend's is not known.</param>
    /// <param name="times">What was measured.</param>
    public BenchReport(BenchCase test, string model, Decoder decoder, string engine, int threads, Roofline? roof, BenchTimes times)
    {
        (_test, _model, _engine, _threads, _roof, _times) = (test, model, engine, threads, roof, times);
        _median = Median(times.Seconds);
        Arithmetic arithmetic = ArithmeticOf(decoder);
        _dtype = arithmetic switch { Arithmetic.BFloat16 => "bfloat16", Arithmetic.Int8 => "int8", _ => "float32" };
        _variant = decoder.NumericVariant;
        _weights = string.Join(" and ", Matrices(decoder).GroupBy(p => p.DType).OrderByDescending(g => g.Sum(p => (long)p.Rows * p.Columns)).Select(g => g.Key));
        DType keyValues = decoder.Precision.KeyValueType;
        _keyValues = keyValues switch { DType.Float32 => "float32", DType.BFloat16 => "bfloat16", _ => "int8" };
        double weightBytes = Matrices(decoder).Where(p => p != decoder.PositionEmbedding && (p != decoder.Embedding || p == decoder.Head)).Sum(p => (double)p.Matrix!.Storage.Memory!.Bytes);
        (double flops, double bytes) = test.Floor(decoder.Config, weightBytes, keyValues switch { DType.Float32 => 4, DType.BFloat16 => 2, _ => 1 });
        if (roof is not null) { (_floor, _limit) = roof.Floor(flops, bytes); }
        _peakMebibytes = Process.GetCurrentProcess().PeakWorkingSet64 >> 20;
    }

    /// <summary>That of most of the weights.</summary>
    public static Arithmetic ArithmeticOf(Decoder decoder) => Matrices(decoder).GroupBy(p => p.Matrix!.Arithmetic).MaxBy(g => g.Sum(p => (long)p.Rows * p.Columns))!.Key;

    public void WriteText()
    {
        Console.WriteLine($"{_test.What} {_model}, batch {_test.Batch}, prompt {_test.Prompt}, new {_test.New}, {_weights} weights, {_dtype} products, {_keyValues} keys and values, {_engine}");
        Console.WriteLine($"{_test.Tokens / _median:F1} tokens/s, median {_median:F4} s of {_test.Repetitions} ({_times.Seconds.Min():F4} to {_times.Seconds.Max():F4}), peak {_peakMebibytes} MiB");
        foreach ((string part, double[] seconds) in _times.Parts) { Console.WriteLine($"  {part} {Median(seconds):F4} s"); }
        if (DecodeRate is { } rate) { Console.WriteLine($"  decode alone {rate:F1} tokens/s"); }
        if (_times.AllocatedPerToken is { } allocated) { Console.WriteLine($"  decoding allocates {allocated.Managed:F0} managed bytes a token, tensors grow by {allocated.Native:F0}"); }
        if (_roof is null) { return; }
        Console.WriteLine($"{_floor / _median:P0} of the roof: {_limit} ({_roof.Instruction} {_roof.OperationsPerSecond / 1e12:F3} T/s, memory read {_roof.BytesPerSecond / 1e9:F1} GB/s measured on {_threads} threads)");
    }

    public void WriteJson() => JsonLine.Write(w =>
    {
        w.WriteStartObject();
        w.WriteString("what", _test.What);
        w.WriteString("engine", _engine);
        w.WriteString("shape", _model);
        w.WriteString("dtype", _dtype);
        w.WriteString("numeric_variant", _variant);
        w.WriteString("weights", _weights);
        w.WriteString("kv_type", _keyValues);
        w.WriteNumber("threads", _threads);
        w.WriteNumber("batch", _test.Batch);
        w.WriteNumber("prompt", _test.Prompt);
        if (_test.What is "generate" or "rlhf") { w.WriteNumber("new", _test.New); } else { w.WriteNull("new"); }
        w.WriteNumber("seconds_median", Math.Round(_median, 4));
        w.WriteStartArray("seconds");
        foreach (double s in _times.Seconds) { w.WriteNumberValue(Math.Round(s, 4)); }
        w.WriteEndArray();
        w.WriteNumber("tokens_per_s", Math.Round(_test.Tokens / _median, 2));
        WriteDetails(w);
        w.WriteNumber("peak_mib", _peakMebibytes);
        if (_roof is null) { w.WriteNull("roof"); } else { WriteRoof(w, _roof); }
        w.WriteEndObject();
    });

    private void WriteRoof(Utf8JsonWriter w, Roofline roof)
    {
        w.WriteStartObject("roof");
        w.WriteString("limit", _limit);
        w.WriteString("instruction", roof.Instruction);
        w.WriteNumber("tflops", Math.Round(roof.OperationsPerSecond / 1e12, 4));
        w.WriteNumber("gbytes_per_s", Math.Round(roof.BytesPerSecond / 1e9, 2));
        w.WriteNumber("floor_seconds", Math.Round(_floor, 5));
        w.WriteNumber("share", Math.Round(_floor / _median, 4));
        w.WriteEndObject();
    }

    private void WriteDetails(Utf8JsonWriter w)
    {
        if (DecodeRate is { } rate) { w.WriteNumber("decode_tokens_per_s", Math.Round(rate, 2)); }
        if (_times.AllocatedPerToken is { } allocated)
        {
            w.WriteStartObject("allocated_bytes_per_token");
            w.WriteNumber("managed", Math.Round(allocated.Managed, 1));
            w.WriteNumber("tensors", Math.Round(allocated.Native, 1));
            w.WriteEndObject();
        }

        w.WriteStartObject("parts");
        foreach ((string part, double[] seconds) in _times.Parts) { w.WriteNumber(part, Math.Round(Median(seconds), 4)); }
        w.WriteEndObject();
    }

    // Every sequence's first new token comes from its prompt's forward.
    private double? DecodeRate => _test.What == "generate" && _test.New > 1 && Median(_times.Parts["decode"]) is > 0 and double seconds ? (double)_test.Batch * (_test.New - 1) / seconds : null;

    private static IEnumerable<Parameter> Matrices(Decoder decoder) => decoder.Parameters.Where(p => !p.IsVector);

    private static double Median(double[] values)
    {
        double[] sorted = [.. values.Order()];
        int n = sorted.Length;
        return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
    }
}
