using System.CommandLine;
using System.Diagnostics;
using HybridEngine.Cli.Benchmarks;
using HybridEngine.Cli.CommandLine;
using HybridEngine.Cli.Output;
using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Cli.Commands;

/// <summary><c>hybridengine bench</c>: tokens per second and the share of this machine's roof.</summary>
internal static class BenchCommand
{
    public static Command Create()
    {
        Argument<string> what = new Argument<string>("what") { Description = "generate, prefill, train, rlhf (a PPO step of four models, all scoring included)." }.AcceptOnlyFromAmong("generate", "prefill", "train", "rlhf");
        Option<string?> model = new("--model") { Description = "Weights of a model; or --shape for random ones.", HelpName = "PATH" };
        Option<string> shape = new("--shape") { Description = $"Random weights of a published shape: {string.Join(", ", ModelShapes.Names)}.", DefaultValueFactory = _ => "smollm2-135m", HelpName = "NAME" };
        Option<int> batch = Numbers.AtLeast(new Option<int>("--batch") { Description = "Sequences.", DefaultValueFactory = _ => 8, HelpName = "N" }, 1);
        Option<int> prompt = Numbers.AtLeast(new Option<int>("--prompt") { Description = "Tokens of each prompt or training sequence.", DefaultValueFactory = _ => 128, HelpName = "N" }, 2);
        Option<int> fresh = Numbers.AtLeast(new Option<int>("--new") { Description = "Tokens generated for each prompt (generate, rlhf).", DefaultValueFactory = _ => 128, HelpName = "N" }, 0);
        Option<int> reps = Numbers.AtLeast(new Option<int>("--reps") { Description = "Timed repetitions, after one that is not counted.", DefaultValueFactory = _ => 3, HelpName = "N" }, 1);
        Command command = new("bench", "Times generation, prefill, training or a whole PPO step.") { what, model, shape, batch, prompt, fresh, reps };
        TypeOptions.AddTo(command);
        command.Subcommands.Add(BenchServeCommand.Create());
        command.Subcommands.Add(BenchSpeculativeCommand.Create());
        command.Subcommands.Add(BenchConstraintsCommand.Create());
        command.Subcommands.Add(BenchAdaptersCommand.Create());
        command.SetAction((parse, stop) =>
        {
            BenchCase test = new(parse.GetValue(what)!, parse.GetValue(batch), parse.GetValue(prompt), Math.Max(1, parse.GetValue(fresh)), parse.GetValue(reps));
            return Task.FromResult(Run(parse, test, parse.GetValue(model), parse.GetValue(shape)!, stop));
        });
        return command;
    }

    private static int Run(ParseResult parse, BenchCase test, string? model, string shape, CancellationToken stop)
    {
        using IKernels kernels = OpenBackend.From(parse, out BackendReport report);
        (PrecisionOptions types, bool training) = (TypeOptions.Of(parse), test.What is "train" or "rlhf");
        using Decoder decoder = model is null ? Random(kernels, ModelShapes.Get(shape), types.Resolve(kernels, null, training)) : Load(kernels, model, types, training);
        if (test.Prompt + test.New > decoder.Config.MaxPositions)
        {
            throw new InvalidInputException("--prompt + --new", $"{test.Prompt} + {test.New}", $"at most the model's {decoder.Config.MaxPositions} positions");
        }

        int threads = parse.GetValue(GlobalOptions.Threads) is > 0 and int t ? t : Environment.ProcessorCount;
        Roofline roof = Roofline.Measure(threads);
        BenchTimes times = BenchRun.Run(test, decoder, stop);
        double median = Median(times.Seconds);
        string weights = string.Join(" and ", decoder.Parameters.Where(p => !p.IsVector).GroupBy(p => p.DType).OrderByDescending(g => g.Sum(p => (long)p.Rows * p.Columns)).Select(g => g.Key));
        (double flops, double bytes) = test.Floor(decoder.Config, decoder.Parameters.Where(p => !p.IsVector && p != decoder.PositionEmbedding && (p != decoder.Embedding || p == decoder.Head)).Sum(p => (double)p.Matrix!.Storage.Memory!.Bytes));
        (double floor, string limit) = roof.Floor(flops, bytes);
        long peak = Process.GetCurrentProcess().PeakWorkingSet64 >> 20;
        if (!parse.GetValue(GlobalOptions.Json))
        {
            Console.WriteLine($"{test.What} {(model ?? shape)}, batch {test.Batch}, prompt {test.Prompt}, new {test.New}, {weights} weights, {report.Description}");
            Console.WriteLine($"{test.Tokens / median:F1} tokens/s, median {median:F4} s of {test.Repetitions} ({times.Seconds.Min():F4} to {times.Seconds.Max():F4}), peak {peak} MiB");
            foreach ((string part, double[] seconds) in times.Parts) { Console.WriteLine($"  {part} {Median(seconds):F4} s"); }
            Console.WriteLine($"{floor / median:P0} of the roof: {limit} ({roof.FlopsPerSecond / 1e12:F3} TFLOP/s, {roof.BytesPerSecond / 1e9:F1} GB/s measured on {threads} threads)");
            return 0;
        }

        JsonLine.Write(w =>
        {
            w.WriteStartObject();
            w.WriteString("what", test.What);
            w.WriteString("engine", report.Description);
            w.WriteString("shape", model ?? shape);
            w.WriteString("dtype", decoder.Precision.Arithmetic == Arithmetic.BFloat16 ? "bfloat16" : "float32");
            w.WriteString("numeric_variant", decoder.NumericVariant);
            w.WriteString("weights", weights);
            w.WriteNumber("threads", threads);
            w.WriteNumber("batch", test.Batch);
            w.WriteNumber("prompt", test.Prompt);
            if (test.What is "generate" or "rlhf") { w.WriteNumber("new", test.New); } else { w.WriteNull("new"); }
            w.WriteNumber("seconds_median", Math.Round(median, 4));
            w.WriteStartArray("seconds");
            foreach (double s in times.Seconds) { w.WriteNumberValue(Math.Round(s, 4)); }
            w.WriteEndArray();
            w.WriteNumber("tokens_per_s", Math.Round(test.Tokens / median, 2));
            w.WriteStartObject("parts");
            foreach ((string part, double[] seconds) in times.Parts) { w.WriteNumber(part, Math.Round(Median(seconds), 4)); }
            w.WriteEndObject();
            w.WriteNumber("peak_mib", peak);
            w.WriteStartObject("roof");
            w.WriteString("limit", limit);
            w.WriteNumber("tflops", Math.Round(roof.FlopsPerSecond / 1e12, 4));
            w.WriteNumber("gbytes_per_s", Math.Round(roof.BytesPerSecond / 1e9, 2));
            w.WriteNumber("floor_seconds", Math.Round(floor, 5));
            w.WriteNumber("share", Math.Round(floor / median, 4));
            w.WriteEndObject();
            w.WriteEndObject();
        });
        return 0;
    }

    private static Decoder Random(IKernels kernels, DecoderConfig config, Precision precision) =>
        Decoder.Create(kernels, config, ModelFamilies.Bind(config), Initialization.Normal(), 0, precision);

    private static Decoder Load(IKernels kernels, string path, PrecisionOptions types, bool training)
    {
        using ModelFiles files = ModelFiles.Open(path);
        return Decoder.Load(kernels, files, types.Resolve(kernels, files, training));
    }

    private static double Median(double[] values)
    {
        double[] sorted = [.. values.Order()];
        int n = sorted.Length;
        return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
    }
}
