using System.Diagnostics;
using HybridEngine.Cli.CommandLine;
using HybridEngine.Cli.Output;
using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Models;

namespace HybridEngine.Cli.Chat;

/// <summary>A conversation: messages and commands in, streamed answers out.</summary>
internal sealed class ChatSession
{
    private static readonly string[] _commands = ["/clear", "/exit", "/help", "/load", "/retry", "/save", "/set", "/system", "/undo"];

    private const string Help = """
          /clear             forget the conversation
          /system [TEXT]     show the system message, or set it ("/system none" removes it)
          /set [NAME VALUE]  show the sampling options, or set one
          /retry             answer the last message anew
          /undo              take back the last message and its answer
          /save FILE         write the conversation (a JSON line that generate and the trainers read)
          /load FILE         go on with a saved one
          /exit, Ctrl-D      leave
          Ctrl-C stops an answer. Alt-Enter breaks a line, and so does everything between lines of three double quotes. Pasted text is one message.
        """;

    private readonly HybridModel _model;
    private readonly LoraAdapter? _adapter;
    private readonly Conversation _conversation;
    private readonly ChatInput _input;
    private readonly AnswerWriter _writer;
    private readonly Notes _notes;
    private SamplingOptions _sampling;
    private long _turn;

    /// <exception cref="InvalidInputException">The model has no tokenizer or no chat template.</exception>
    public ChatSession(HybridModel model, SamplingOptions sampling, string? system, ChatInput input, AnswerWriter writer, Notes notes, LoraAdapter? adapter = null)
    {
        Tokenizer tokenizer = model.Tokenizer ?? throw new InvalidInputException("--model", "a model without a tokenizer", "one that has one");
        if (tokenizer.ChatTemplate is null) { throw new InvalidInputException("--model", "a model without a chat template", "one that has one (generate continues plain text)"); }
        sampling.Validate(model.Decoder.Config.VocabularySize);
        (_model, _sampling, _input, _writer, _notes, _adapter) = (model, sampling, input, writer, notes, adapter);
        _conversation = new Conversation(tokenizer, model.Generator().MaxContext) { System = system };
    }

    /// <summary>What Tab completes.</summary>
    public static IReadOnlyList<string> Commands => _commands;

    /// <summary>Reads messages until the end of the input.</summary>
    public int Run(CancellationToken stop)
    {
        if (_input.IsTerminal) { _notes.Line($"{_model.Backend.Description}. /help lists the commands; Ctrl-C stops an answer, Ctrl-D leaves."); }
        try
        {
            while (true)
            {
                // At a terminal Ctrl-C gives up the line that is typed; a script that waits for a line ends with it.
                ConsoleInterrupt.TakeOver(_input.IsTerminal ? _input.Interrupt : () => Environment.Exit(130));
                if (_input.Read() is not { } line) { return 0; }
                stop.ThrowIfCancellationRequested();
                if (line.Trim().Length == 0) { continue; }
                if (!line.StartsWith('/')) { Say(line); }
                else if (!Obey(line)) { return 0; }
            }
        }
        finally
        {
            ConsoleInterrupt.TakeOver(null);
        }
    }

    private void Say(string text)
    {
        _conversation.Add("user", text);
        try
        {
            Answer();
        }
        catch (HybridEngineException e)
        {
            // A message that does not fit, a template that refuses it: said, and the conversation goes on without it.
            _conversation.TakeBack("user");
            Console.Error.WriteLine($"error: {e.Message}");
        }
    }

    private void Answer()
    {
        GenerationEngine engine = _model.Generator();
        int[] ids = _conversation.Encode(_sampling.MaxTokens, out int dropped);
        if (dropped > 0) { _notes.Line($"(the context of {engine.MaxContext} tokens is full: {dropped} earlier turn{(dropped == 1 ? "" : "s")} left out)"); }
        long start = Stopwatch.GetTimestamp();
        using StopSwitch stop = new();
        Generation answer = engine.Submit(new GenerationRequest
        {
            Prompt = ids, Adapter = _adapter, RequestId = _turn++, Sampling = _sampling with { MaxTokens = Math.Min(_sampling.MaxTokens, engine.MaxContext - ids.Length) }, OnToken = t => _writer.Add(t.Text),
        });
        try
        {
            while (!answer.IsFinished && !stop.IsPressed) { engine.Step(); }
        }
        finally
        {
            engine.Cancel(answer);
        }

        GenerationResult result = answer.Results()[0];
        _writer.End(result);
        _conversation.Add("assistant", result.Text);
        if (result.FinishReason == FinishReason.Length) { _notes.Line(ids.Length + result.TokenIds.Length >= engine.MaxContext ? "(the context is full)" : $"(stopped after max_tokens = {_sampling.MaxTokens}; /set max_tokens N allows more)"); }
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        _notes.Detail($"({ids.Length} + {result.TokenIds.Length} tokens, {result.TokenIds.Length / Math.Max(seconds, 1e-9):F1} tokens/s)");
    }

    // False to leave.
    private bool Obey(string line)
    {
        string[] words = line.Split((char[]?)null, 3, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        string rest = line[words[0].Length..].Trim();
        try
        {
            switch (words[0])
            {
                case "/exit" or "/quit" or "/bye": return false;
                case "/help" or "/?": _notes.Line(Help); break;
                case "/clear": _conversation.Clear(); _notes.Line("(the conversation is forgotten)"); break;
                case "/system": System(rest); break;
                case "/set": Set(words); break;
                case "/retry": Retry(); break;
                case "/undo": _notes.Line(_conversation.TakeBack("user") is null ? "(nothing to take back)" : "(taken back)"); break;
                case "/save": _conversation.Save(File(rest, "/save")); _notes.Line($"(saved to {rest})"); break;
                case "/load": _conversation.Load(File(rest, "/load")); _notes.Line($"({_conversation.Count} messages)"); break;
                default: throw new InvalidInputException("chat", $"'{words[0]}'", string.Join(", ", _commands));
            }
        }
        catch (HybridEngineException e)
        {
            Console.Error.WriteLine($"error: {e.Message}");
        }

        return true;
    }

    private void System(string text)
    {
        if (text.Length > 0) { _conversation.System = text is "none" ? null : text; }
        _notes.Line(_conversation.System is { } system ? $"system message: {system}" : "(no system message)");
    }

    private void Set(string[] words)
    {
        if (words.Length == 1)
        {
            foreach (string line in ChatSettings.Describe(_sampling)) { _notes.Line(line); }
            return;
        }

        _sampling = ChatSettings.Change(_sampling, words[1], words.Length > 2 ? words[2] : "", _model.Decoder.Config.VocabularySize);
        _notes.Line($"{words[1]} = {(words.Length > 2 ? words[2] : "")}");
    }

    private void Retry()
    {
        if (_conversation.TakeBack("user") is not { } text) { throw new InvalidInputException("/retry", "no message", "a message to answer anew"); }
        Say(text);
    }

    private static string File(string path, string command) => path.Length > 0 ? path : throw new InvalidInputException(command, "no file name", $"{command} FILE");

    /// <summary>Ctrl-C while an answer runs.</summary>
    private sealed class StopSwitch : IDisposable
    {
        private volatile bool _pressed;

        public StopSwitch() => ConsoleInterrupt.TakeOver(() => _pressed = true);

        public bool IsPressed => _pressed;

        public void Dispose() => ConsoleInterrupt.TakeOver(null);
    }
}
