using System.CommandLine;

namespace HybridEngine.Cli.CommandLine;

/// <summary>Options that say, beside <c>--dtype</c>, in which types a model computes.</summary>
internal static class TypeOptions
{
    private static readonly Option<string> _activations = new Option<string>("--activations")
    {
        Description = "Activations that meet block-quantized weights: auto (float32, exact) or int8 (faster, not the same numbers).", DefaultValueFactory = _ => "auto", HelpName = "TYPE",
    }.AcceptOnlyFromAmong("auto", "int8");

    private static readonly Option<string> _keyValues = new Option<string>("--kv-type")
    {
        Description = "Cached keys and values: auto (the compute type), float32, bfloat16, int8.", DefaultValueFactory = _ => "auto", HelpName = "TYPE",
    }.AcceptOnlyFromAmong("auto", "float32", "bfloat16", "int8");

    private static readonly Option<string> _quantize = new("--quantize")
    {
        Description = "Quantize matrices when the model is loaded: q8_0, q4_0, q4_1, ...", DefaultValueFactory = _ => "", HelpName = "TYPE",
    };

    /// <summary>Adds them to a command that opens a model.</summary>
    public static void AddTo(Command command)
    {
        command.Options.Add(_activations);
        command.Options.Add(_keyValues);
        command.Options.Add(_quantize);
    }

    /// <summary>What the command line says, <c>--dtype</c> included; the defaults for a command without these options.</summary>
    public static PrecisionOptions Of(ParseResult parse) => new()
    {
        DType = parse.GetValue(GlobalOptions.DType)!,
        Activations = Value(parse, _activations, "auto"),
        KeyValueType = Value(parse, _keyValues, "auto"),
        Quantize = Value(parse, _quantize, ""),
    };

    private static string Value(ParseResult parse, Option<string> option, string absent) => parse.GetResult(option) is null ? absent : parse.GetValue(option) ?? absent;
}
