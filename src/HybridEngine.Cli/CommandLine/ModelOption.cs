using System.CommandLine;

namespace HybridEngine.Cli.CommandLine;

/// <summary><c>--model</c>, and how the global options become those of a model.</summary>
internal static class ModelOption
{
    public static Option<string> Create() => new("--model")
    {
        Description = "Folder in Hugging Face layout, .gguf file, or a checkpoint of ours.", Required = true, HelpName = "PATH",
    };

    /// <summary>Backend, threads, compute type and seed of the command line.</summary>
    public static HybridOptions Options(ParseResult parse)
    {
        PrecisionOptions types = TypeOptions.Of(parse);
        return new HybridOptions
        {
            Backend = parse.GetValue(GlobalOptions.Backend)!,
            Threads = parse.GetValue(GlobalOptions.Threads),
            DType = types.DType,
            Activations = types.Activations,
            KeyValueType = types.KeyValueType,
            Quantize = types.Quantize,
            Seed = parse.GetValue(GlobalOptions.Seed),
            Warn = Output.Notes.Warning,
        };
    }
}
