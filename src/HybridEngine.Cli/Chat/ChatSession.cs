using System.Globalization;
using HybridEngine.Cli.CommandLine;
using HybridEngine.Cli.Input;
using HybridEngine.Cli.Output;
using HybridEngine.Core;
using HybridEngine.Inference;
using HybridEngine.Models;

namespace HybridEngine.Cli.Chat;

/// <summary>A conversation: history, commands, streamed answers.</summary>
internal sealed class ChatSession
{
    private const string Help = "/clear forgets the conversation; /system TEXT sets the system message; /set NAME VALUE sets temperature, top_k, top_p, min_p, repetition_penalty, max_tokens or seed; /save FILE writes the conversation; /exit or Ctrl-D leaves; Ctrl-C stops an answer.";

    private readonly HybridModel _model;
    private readonly Tokenizer _tokenizer;
    private readonly Notes _notes;
    private readonly List<ChatMessage> _history = [];
    private SamplingOptions _sampling;
    private string? _system;
    private long _turn;

    /// <exception cref="InvalidInputException">The model has no tokenizer or no chat template.</exception>
    public ChatSession(HybridModel model, SamplingOptions sampling, string? system, Notes notes)
    {
        _tokenizer = model.Tokenizer ?? throw new InvalidInputException("--model", "a model without a tokenizer", "one that has one");
        if (_tokenizer.ChatTemplate is null) { throw new InvalidInputException("--model", "a model without a chat template", "one that has one (generate continues plain text)"); }
        (_model, _sampling, _system, _notes) = (model, sampling, system, notes);
    }

    /// <summary>Reads lines until the end of the input.</summary>
    public int Run(TextReader input, TextWriter output, CancellationToken stop)
    {
        bool prompt = !Console.IsInputRedirected && !_notes.Quiet;
        _notes.Line($"{_model.Backend.Description}. {Help}");
        ConsoleInterrupt.TakeOver(() => _notes.Line("(/exit or Ctrl-D leaves)"));
        try
        {
            while (!stop.IsCancellationRequested)
            {
                if (prompt) { Console.Error.Write("> "); }
                if (input.ReadLine() is not { } line) { break; }
                if (line.Trim().Length == 0) { continue; }
                if (!line.StartsWith('/')) { Answer(line, output); }
                else if (!Command(line)) { break; }
            }

            return 0;
        }
        finally
        {
            ConsoleInterrupt.TakeOver(null);
        }
    }

    private void Answer(string text, TextWriter output)
    {
        _history.Add(new ChatMessage("user", text));
        IEnumerable<ChatMessage> messages = _system is { } s ? _history.Prepend(new ChatMessage("system", s)) : _history;
        GenerationEngine engine = _model.Generator();
        Generation answer;
        try
        {
            int[] ids = ChatPrompt.Encode(_tokenizer, [.. messages], "chat");
            int room = engine.MaxContext - ids.Length;
            answer = engine.Submit(new GenerationRequest
            {
                Prompt = ids, RequestId = _turn++, Sampling = room > 0 ? _sampling with { MaxTokens = Math.Min(_sampling.MaxTokens, room) } : _sampling,
                OnToken = t => { output.Write(t.Text); output.Flush(); },
            });
        }
        catch (HybridEngineException e)
        {
            // A conversation that no longer fits, a template that refuses a message: said, and the conversation goes on without it.
            _history.RemoveAt(_history.Count - 1);
            Console.Error.WriteLine($"error: {e.Message} (/clear starts anew)");
            return;
        }

        bool stopped = false;
        ConsoleInterrupt.TakeOver(() => stopped = true);
        while (!answer.IsFinished && !stopped) { engine.Step(); }
        if (stopped) { engine.Cancel(answer); }
        ConsoleInterrupt.TakeOver(() => _notes.Line("(/exit or Ctrl-D leaves)"));
        output.WriteLine(stopped ? " ..." : "");
        _history.Add(new ChatMessage("assistant", answer.Results()[0].Text));
    }

    // False to leave.
    private bool Command(string line)
    {
        string[] words = line.Split(' ', 3, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        string rest = line[words[0].Length..].Trim();
        try
        {
            switch (words[0])
            {
                case "/exit" or "/quit" or "/bye": return false;
                case "/help": _notes.Line(Help); break;
                case "/clear": _history.Clear(); _notes.Line("the conversation is forgotten"); break;
                case "/system": _system = rest.Length > 0 ? rest : null; _notes.Line(_system is null ? "no system message" : "system message set"); break;
                case "/set": Set(words); break;
                case "/save": Save(rest); break;
                default: throw new InvalidInputException("chat", $"'{words[0]}'", "/clear, /system, /set, /save, /help or /exit");
            }
        }
        catch (HybridEngineException e)
        {
            Console.Error.WriteLine($"error: {e.Message}");
        }

        return true;
    }

    private void Set(string[] words)
    {
        const string expected = "/set NAME VALUE with temperature, top_k, top_p, min_p, repetition_penalty, max_tokens or seed";
        if (words.Length != 3 || !double.TryParse(words[2], NumberStyles.Float, CultureInfo.InvariantCulture, out double value))
        {
            throw new InvalidInputException("/set", string.Join(' ', words.Skip(1)), expected);
        }

        SamplingOptions changed = words[1].Replace('-', '_') switch
        {
            "temperature" => _sampling with { Temperature = (float)value },
            "top_k" => _sampling with { TopK = (int)value },
            "top_p" => _sampling with { TopP = (float)value },
            "min_p" => _sampling with { MinP = (float)value },
            "repetition_penalty" => _sampling with { RepetitionPenalty = (float)value },
            "max_tokens" => _sampling with { MaxTokens = (int)value },
            "seed" => _sampling with { Seed = (long)value },
            _ => throw new InvalidInputException("/set", words[1], expected),
        };
        changed.Validate(_model.Decoder.Config.VocabularySize);
        _sampling = changed;
        _notes.Line($"{words[1]} = {words[2]}");
    }

    private void Save(string path)
    {
        if (path.Length == 0) { throw new InvalidInputException("/save", "no file name", "/save FILE"); }
        try
        {
            using FileStream stream = File.Create(path);
            using System.Text.Json.Utf8JsonWriter w = new(stream);
            w.WriteStartObject();
            w.WriteStartArray("messages");
            foreach (ChatMessage m in _system is { } s ? _history.Prepend(new ChatMessage("system", s)) : _history)
            {
                w.WriteStartObject();
                w.WriteString("role", m.Role);
                w.WriteString("content", m.Content);
                w.WriteEndObject();
            }

            w.WriteEndArray();
            w.WriteEndObject();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidInputException("/save", e.Message, "a file that can be written");
        }

        _notes.Line($"saved to {path}");
    }
}
