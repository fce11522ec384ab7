using System.CommandLine;
using HybridEngine.Cli.CommandLine;
using HybridEngine.Cli.Output;
using HybridEngine.Core;
using HybridEngine.Rlhf;

namespace HybridEngine.Cli.Commands;

/// <summary><c>hybridengine sft</c>, <c>reward</c>, <c>ppo</c>: a run from one commented JSON file and settings on top, into one folder.</summary>
internal static class TrainingCommands
{
    public static Command CreateSft() => Create<SftOptions>("sft", "Supervised fine-tuning on messages, prompts with completions, instructions or text.", SftRun.Execute);

    public static Command CreateReward() => Create<RewardOptions>("reward", "Reward model from preferences.", RewardRun.Execute);

    public static Command CreatePpo() => Create<PpoOptions>("ppo", "Proximal policy optimisation on sampled answers, with rollouts from the same weights.", (options, context) => PpoRun.Execute(options, context));

    /// <summary><c>hybridengine train</c>: several runs, each continuing from the former ones.</summary>
    public static Command CreateTrain()
    {
        Argument<string> file = new("config") { Description = "{\"stages\": [{\"kind\": \"sft\", ...}, {\"kind\": \"reward\", ...}, {\"kind\": \"ppo\", ...}]}; comments are allowed." };
        Option<string[]> set = new("--set") { Description = "A key of every stage of a kind, such as sft.steps=100.", HelpName = "KIND.KEY=VALUE" };
        Option<string?> output = new("--output") { Description = "Folder of the pipeline; every stage has a run folder in it: 1-sft, 2-reward, ...", HelpName = "DIR" };
        Option<bool> resume = new("--resume") { Description = "Continue: finished stages are not run again." };
        Option<bool> print = new("--print-config") { Description = "Print the resolved configuration of every stage and stop." };
        Command command = new("train", "Runs a pipeline of SFT, reward model and PPO.") { file, set, output, resume, print };
        command.SetAction((parse, stop) =>
        {
            string folder = parse.GetValue(output) ?? (parse.GetValue(print) ? "OUTPUT" : throw new InvalidInputException("--output", "nothing", "the folder of the pipeline"));
            IReadOnlyList<PipelineStage> stages = PipelineRun.Load(parse.GetValue(file)!, parse.GetValue(set) ?? [], folder);
            if (parse.GetValue(print))
            {
                foreach (PipelineStage stage in stages) { Console.Write($"// {stage.Name}\n{RunConfiguration.Print(stage.Options, comments: true)}"); }
            }
            else
            {
                RunConsole.Execute(parse, folder, parse.GetValue(resume), context => PipelineRun.Execute(stages, context), stop);
            }

            return Task.FromResult(0);
        });
        return command;
    }

    private static Command Create<T>(string name, string description, Action<T, RunContext> execute) where T : TrainerOptions, new()
    {
        Argument<string?> file = new("config") { Description = "The run as one JSON file; comments are allowed.", Arity = ArgumentArity.ZeroOrOne };
        Option<string[]> set = new("--set") { Description = "A key of the configuration, on top of the file; may be given several times.", HelpName = "KEY=VALUE" };
        Option<string?> output = new("--output") { Description = "Run folder: config.json, metrics.jsonl, checkpoints/, model/, report.html.", HelpName = "DIR" };
        Option<bool> resume = new("--resume") { Description = "Continue from the newest whole checkpoint of the folder." };
        Option<bool> print = new("--print-config") { Description = "Print the resolved configuration, every key with what it does, and stop." };
        Option<bool> schema = new("--print-schema") { Description = "Print the JSON schema of the configuration, for editors, and stop." };
        Command command = new(name, description) { file, set, output, resume, print, schema };
        command.SetAction((parse, stop) =>
        {
            T options = RunConfiguration.Load<T>(parse.GetValue(file), parse.GetValue(set));
            // --seed of the command line is the default of the run's own key.
            if (parse.GetResult(GlobalOptions.Seed) is { Implicit: false }) { options.Seed = parse.GetValue(GlobalOptions.Seed); }
            if (parse.GetValue(schema)) { Console.Write(RunConfiguration.Schema(options)); }
            else if (parse.GetValue(print)) { Console.Write(RunConfiguration.Print(options, comments: true)); }
            else
            {
                string folder = parse.GetValue(output) ?? throw new InvalidInputException("--output", "nothing", "the folder of the run");
                RunConsole.Execute(parse, folder, parse.GetValue(resume), context => execute(options, context), stop);
            }

            return Task.FromResult(0);
        });
        return command;
    }
}
