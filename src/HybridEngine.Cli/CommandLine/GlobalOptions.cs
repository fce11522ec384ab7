using System.CommandLine;

namespace HybridEngine.Cli.CommandLine;

/// <summary>Options that every command takes.</summary>
internal static class GlobalOptions
{
    public static readonly Option<bool> Json = new("--json")
    {
        Description = "Machine output on standard output: one JSON document or JSON Lines; everything else goes to standard error.", Recursive = true,
    };

    public static readonly Option<string> Backend = new Option<string>("--backend")
    {
        Description = "Which kernels run: auto, cpu, reference, cuda, ilgpu.", Recursive = true, DefaultValueFactory = _ => "auto", HelpName = "NAME",
    }.AcceptOnlyFromAmong("auto", "cpu", "reference", "cuda", "ilgpu");

    public static readonly Option<string> DType = new Option<string>("--dtype")
    {
        Description = "Compute type: auto, float32, bfloat16 (convert: stored type, also float16).", Recursive = true, DefaultValueFactory = _ => "auto", HelpName = "TYPE",
    }.AcceptOnlyFromAmong("auto", "float32", "bfloat16", "float16");

    public static readonly Option<int> Threads = Numbers.AtLeast(new Option<int>("--threads")
    {
        Description = "CPU threads; 0 for all CPUs that this process may use.", Recursive = true, DefaultValueFactory = _ => 0, HelpName = "N",
    }, 0);

    public static readonly Option<long> Seed = new("--seed")
    {
        Description = "Same seed, same machine: same output.", Recursive = true, DefaultValueFactory = _ => 0, HelpName = "N",
    };

    public static readonly Option<bool> Quiet = new("--quiet") { Description = "No progress and no notes on standard error.", Recursive = true };

    public static readonly Option<bool> Verbose = new("--verbose") { Description = "More notes; a stack trace with an error.", Recursive = true };

    public static void AddTo(Command root)
    {
        foreach (Option option in new Option[] { Json, Backend, DType, Threads, Seed, Quiet, Verbose }) { root.Options.Add(option); }
    }
}
