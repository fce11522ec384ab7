using System.Text.Encodings.Web;
using System.Text.Json;
using HybridEngine.Cli.Input;
using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Cli.Chat;

/// <summary>What was said, and how much of it the model still sees.</summary>
internal sealed class Conversation(Tokenizer tokenizer, int context)
{
    private static readonly JsonWriterOptions _json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private readonly List<ChatMessage> _messages = [];
    // Messages before this one no longer fit.
    private int _first;

    /// <summary>The system message, or null.</summary>
    public string? System { get; set; }

    /// <summary>Messages, without the system's.</summary>
    public int Count => _messages.Count;

    public void Add(string role, string text) => _messages.Add(new ChatMessage(role, text));

    public void Clear()
    {
        _messages.Clear();
        _first = 0;
    }

    /// <summary>Takes back the last message of a role and all after it; null when there is none.</summary>
    public string? TakeBack(string role)
    {
        int at = _messages.FindLastIndex(m => m.Role == role);
        if (at < 0) { return null; }
        string text = _messages[at].Content;
        _messages.RemoveRange(at, _messages.Count - at);
        _first = Math.Min(_first, _messages.Count);
        return text;
    }

    /// <summary>Ids up to where the assistant answers; the oldest turns are left out until they and an answer fit.</summary>
    /// <param name="answer">Tokens that the answer may need; at most half of the context is kept free for it.</param>
    /// <param name="dropped">Turns that no longer fit since the last call.</param>
    /// <exception cref="HybridEngineException">The last message alone does not fit, or the template refuses the messages.</exception>
    public int[] Encode(int answer, out int dropped)
    {
        dropped = 0;
        int room = context - Math.Min(answer, context / 2);
        while (true)
        {
            IEnumerable<ChatMessage> seen = _messages.Skip(_first);
            int[] ids = ChatPrompt.Encode(tokenizer, [.. System is null ? seen : seen.Prepend(new ChatMessage("system", System))], "chat");
            int next = _messages.FindIndex(Math.Min(_first + 1, _messages.Count), m => m.Role == "user");
            if (ids.Length <= room || (next < 0 && ids.Length < context)) { return ids; }
            if (next < 0) { throw new InvalidInputException("message", $"{ids.Length} tokens{(System is null ? "" : ", the system message included")}", $"fewer than {context}, the context of the model"); }
            _first = next;
            dropped++;
        }
    }

    /// <summary>Writes <c>{"messages": [...]}</c>: a line that <c>generate --input</c> and the trainers read.</summary>
    /// <exception cref="InvalidInputException">The file cannot be written.</exception>
    public void Save(string path)
    {
        try
        {
            using FileStream stream = File.Create(path);
            using (Utf8JsonWriter w = new(stream, _json))
            {
                w.WriteStartObject();
                w.WriteStartArray("messages");
                foreach (ChatMessage m in System is { } s ? _messages.Prepend(new ChatMessage("system", s)) : _messages)
                {
                    w.WriteStartObject();
                    w.WriteString("role", m.Role);
                    w.WriteString("content", m.Content);
                    w.WriteEndObject();
                }

                w.WriteEndArray();
                w.WriteEndObject();
            }

            stream.WriteByte((byte)'\n');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new InvalidInputException("/save", e.Message, "a file that can be written");
        }
    }

    /// <summary>Reads what <see cref="Save"/> wrote, in place of what was said here.</summary>
    /// <exception cref="InvalidInputException">The file cannot be read, or holds something else.</exception>
    public void Load(string path)
    {
        const string expected = "{\"messages\": [{\"role\", \"content\"}, ...]}, as /save writes it";
        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllText(path));
            List<ChatMessage> read = [.. document.RootElement.GetProperty("messages").EnumerateArray().Select(m => new ChatMessage(m.GetProperty("role").GetString()!, m.GetProperty("content").GetString() ?? ""))];
            Clear();
            System = read is [{ Role: "system" } system, ..] ? system.Content : null;
            _messages.AddRange(System is null ? read : read[1..]);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new InvalidInputException(path, "something else", expected);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new InvalidInputException("/load", e.Message, expected);
        }
    }
}
