using System.CommandLine;

namespace HybridEngine.Cli.Commands;

/// <summary>Every command, in the order of the help text.</summary>
internal static class CommandList
{
    public static IEnumerable<Command> All() =>
    [
        DemoCommand.Create(), GenerateCommand.Create(), ChatCommand.Create(), LogProbsCommand.Create(), EmbedCommand.Create(), EvalCommand.Create(),
        TrainingCommands.CreateSft(), TrainingCommands.CreateReward(), TrainingCommands.CreatePpo(), TrainingCommands.CreateTrain(),
        TokenizeCommand.CreateTokenize(), TokenizeCommand.CreateDetokenize(), RenderCommand.Create(), AcceptsCommand.Create(),
        BenchCommand.Create(), InspectCommand.Create(), ConvertCommand.Create(), DevicesCommand.Create(),
    ];
}
