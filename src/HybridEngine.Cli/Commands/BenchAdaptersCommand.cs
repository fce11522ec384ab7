using System.CommandLine;
using HybridEngine.Cli.Benchmarks;
using HybridEngine.Cli.CommandLine;
using HybridEngine.Cli.Output;
using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Cli.Commands;

/// <summary><c>hybridengine bench adapters</c>: what LoRA adapters cost a batch, one for all of it and several in it.</summary>
internal static class BenchAdaptersCommand
{
    public static Command Create()
    {
        Option<string> shape = new("--shape") { Description = $"Random weights of a published shape: {string.Join(", ", ModelShapes.Names)}.", DefaultValueFactory = _ => "smollm2-135m", HelpName = "NAME" };
        Option<int> adapters = Numbers.AtLeast(new Option<int>("--adapters") { Description = "Adapters in one batch.", DefaultValueFactory = _ => 4, HelpName = "N" }, 1);
        Option<int> rank = Numbers.AtLeast(new Option<int>("--rank") { Description = "Their rank; every linear layer is adapted.", DefaultValueFactory = _ => 16, HelpName = "R" }, 1);
        Option<int> batch = Numbers.AtLeast(new Option<int>("--batch") { Description = "Sequences.", DefaultValueFactory = _ => 8, HelpName = "N" }, 1);
        Option<int> prompt = Numbers.AtLeast(new Option<int>("--prompt") { Description = "Tokens of each prompt.", DefaultValueFactory = _ => 128, HelpName = "N" }, 2);
        Option<int> fresh = Numbers.AtLeast(new Option<int>("--new") { Description = "New tokens for each prompt.", DefaultValueFactory = _ => 128, HelpName = "N" }, 1);
        Option<int> reps = Numbers.AtLeast(new Option<int>("--reps") { Description = "Timed repetitions, after one that is not counted.", DefaultValueFactory = _ => 3, HelpName = "N" }, 1);
        Command command = new("adapters", "Times generation without adapters, with one for every sequence, and with several in the batch.") { shape, adapters, rank, batch, prompt, fresh, reps };
        command.SetAction((parse, stop) =>
        {
            using IKernels kernels = OpenBackend.From(parse, out _);
            DecoderConfig config = ModelShapes.Get(parse.GetValue(shape)!);
            using Decoder decoder = Decoder.Create(kernels, config, ModelFamilies.Bind(config), Initialization.Normal(), 0);
            using AdapterSet set = new(decoder);
            LoraAdapter[] loaded = [.. Enumerable.Range(0, parse.GetValue(adapters)).Select(i => set.Add($"{i}", RandomWeights(decoder, parse.GetValue(rank), i)))];
            BenchCase test = new("generate", parse.GetValue(batch), parse.GetValue(prompt), parse.GetValue(fresh), parse.GetValue(reps));
            double without = 0;
            foreach (LoraAdapter[] used in (LoraAdapter[][])[[], [loaded[0]], loaded])
            {
                double[] seconds = [.. BenchRun.Generate(test, decoder, stop, i => used.Length == 0 ? null : used[i % used.Length]).Seconds.Order()];
                double speed = test.Tokens / seconds[seconds.Length / 2];
                without = used.Length == 0 ? speed : without;
                Write(parse, used.Length, parse.GetValue(rank), speed, speed / without);
                if (used.Length == 1 && loaded.Length == 1) { break; }
            }

            return Task.FromResult(0);
        });
        return command;
    }

    private static LoraWeights RandomWeights(Decoder decoder, int rank, int seed)
    {
        Random random = new(seed);
        float[] Values(int count)
        {
            float[] values = new float[count];
            for (int i = 0; i < count; i++) { values[i] = (random.NextSingle() - 0.5f) / 50; }
            return values;
        }

        return new LoraWeights([.. decoder.Bindings.Where(b => !b.IsVector && b is { Layer: >= 0, Expert: < 0 })
            .Select(b => new LoraDelta(b, b.TensorName, rank, 2, Values(rank * b.Columns), Values(b.Rows * rank)))]);
    }

    private static void Write(ParseResult parse, int adapters, int rank, double speed, double share)
    {
        if (!parse.GetValue(GlobalOptions.Json))
        {
            Console.WriteLine($"{(adapters == 0 ? "without" : $"{adapters} of rank {rank}"),-16} {speed,8:F1} tokens/s  {share:P0}");
            return;
        }

        JsonLine.Write(w =>
        {
            w.WriteStartObject();
            w.WriteString("what", "adapters");
            w.WriteNumber("adapters", adapters);
            w.WriteNumber("rank", rank);
            w.WriteNumber("tokens_per_s", Math.Round(speed, 2));
            w.WriteNumber("share", Math.Round(share, 4));
            w.WriteEndObject();
        });
    }
}
