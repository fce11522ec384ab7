using System.CommandLine;
using HybridEngine.Cli.Benchmarks;
using HybridEngine.Cli.CommandLine;
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
        // What is measured is the CPU: beside a GPU's times it would be a lie.
        Roofline? roof = kernels.Device == DeviceKind.Host ? Roofline.Measure(kernels, BenchReport.ArithmeticOf(decoder), threads) : null;
        BenchReport result = new(test, model ?? shape, decoder, report.Description, threads, roof, BenchRun.Run(test, decoder, stop));
        if (parse.GetValue(GlobalOptions.Json)) { result.WriteJson(); } else { result.WriteText(); }
        return 0;
    }

    private static Decoder Random(IKernels kernels, DecoderConfig config, Precision precision) =>
        Decoder.Create(kernels, config, ModelFamilies.Bind(config), Initialization.Normal(), 0, precision);

    private static Decoder Load(IKernels kernels, string path, PrecisionOptions types, bool training)
    {
        using ModelFiles files = ModelFiles.Open(path);
        return Decoder.Load(kernels, files, types.Resolve(kernels, files, training));
    }
}
