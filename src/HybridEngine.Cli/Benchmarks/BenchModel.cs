using System.CommandLine;
using HybridEngine.Cli.CommandLine;
using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Cli.Benchmarks;

/// <summary><c>--model</c> or <c>--shape</c>: what a benchmark runs on.</summary>
internal sealed class BenchModel
{
    private readonly Option<string?> _model = new("--model") { Description = "Weights of a model; or --shape for random ones.", HelpName = "PATH" };
    private readonly Option<string> _shape = new("--shape") { Description = $"Random weights of a published shape: {string.Join(", ", ModelShapes.Names)}.", DefaultValueFactory = _ => "smollm2-135m", HelpName = "NAME" };

    public void AddTo(Command command)
    {
        command.Options.Add(_model);
        command.Options.Add(_shape);
        TypeOptions.AddTo(command);
    }

    /// <summary>Opens the model for <paramref name="run"/>, which gets its tokenizer (null for random weights) and its name.</summary>
    public void Use(ParseResult parse, Action<Decoder, Tokenizer?, string> run)
    {
        using IKernels kernels = OpenBackend.From(parse, out _);
        if (parse.GetValue(_model) is { } path)
        {
            using ModelFiles files = ModelFiles.Open(path);
            using Decoder decoder = Decoder.Load(kernels, files, TypeOptions.Of(parse).Resolve(kernels, files));
            run(decoder, files.LoadTokenizer(), path);
            return;
        }

        string shape = parse.GetValue(_shape)!;
        DecoderConfig config = ModelShapes.Get(shape);
        using Decoder random = Decoder.Create(kernels, config, ModelFamilies.Bind(config), Initialization.Normal(), 0, TypeOptions.Of(parse).Resolve(kernels, null));
        run(random, null, shape);
    }
}
