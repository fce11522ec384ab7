using System.CommandLine;
using HybridEngine.Cli.Chat;
using HybridEngine.Cli.CommandLine;
using HybridEngine.Cli.Output;
using HybridEngine.Inference;

namespace HybridEngine.Cli.Commands;

/// <summary><c>hybridengine chat</c>: talk in the terminal.</summary>
internal static class ChatCommand
{
    public static Command Create()
    {
        Option<string> model = ModelOption.Create();
        Option<string?> system = new("--system") { Description = "System message.", HelpName = "TEXT" };
        AdapterOption adapter = new();
        SamplingArguments sampling = new();
        Command command = new("chat", "Talk with a model: streaming; /clear, /system, /set, /retry, /undo, /save, /load, /help; Ctrl-C stops the answer, not the program.") { model, system };
        TypeOptions.AddTo(command);
        adapter.AddTo(command);
        sampling.AddTo(command);
        command.SetAction((parse, stop) =>
        {
            Notes notes = new(parse.GetValue(GlobalOptions.Quiet), parse.GetValue(GlobalOptions.Verbose));
            using HybridModel loaded = HybridModel.Load(parse.GetValue(model)!, ModelOption.Options(parse));
            SamplingOptions options = sampling.Read(parse);
            AnswerWriter writer = new(Console.Out, parse.GetValue(GlobalOptions.Json), terminal: !Console.IsOutputRedirected);
            ChatSession session = new(loaded, options, parse.GetValue(system), ChatInput.Open(ChatSession.Commands), writer, notes, adapter.Load(parse, loaded, lines: false));
            return Task.FromResult(session.Run(stop));
        });
        return command;
    }
}
