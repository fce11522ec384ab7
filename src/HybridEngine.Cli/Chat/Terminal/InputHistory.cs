using System.Text.Encodings.Web;
using System.Text.Json;

namespace HybridEngine.Cli.Chat;

/// <summary>What was typed before, this time and earlier times. A file that cannot be read or written is done without.</summary>
internal sealed class InputHistory
{
    private const int Most = 1000;

    private static readonly JsonSerializerOptions _json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly string? _file;
    private readonly List<string> _entries = [];
    private int _at;
    private string _draft = "";

    /// <param name="file">A JSON text a line, oldest first; null keeps nothing.</param>
    public InputHistory(string? file)
    {
        _file = file;
        try
        {
            if (file is null || !File.Exists(file)) { return; }
            foreach (string line in File.ReadLines(file).TakeLast(Most)) { _entries.Add(JsonSerializer.Deserialize<string>(line) ?? ""); }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            // As if there were none.
        }

        _at = _entries.Count;
    }

    /// <summary>Where the user's history is kept: <c>$XDG_STATE_HOME/hybridengine/chat_history</c>.</summary>
    public static string? DefaultFile()
    {
        string? state = Environment.GetEnvironmentVariable("XDG_STATE_HOME");
        string home = Environment.GetFolderPath(OperatingSystem.IsWindows() ? Environment.SpecialFolder.LocalApplicationData : Environment.SpecialFolder.UserProfile);
        if (string.IsNullOrEmpty(state)) { state = home.Length == 0 ? null : OperatingSystem.IsWindows() ? home : Path.Combine(home, ".local", "state"); }
        return state is null ? null : Path.Combine(state, "hybridengine", "chat_history");
    }

    /// <summary>Adds an entry; what begins with a space or repeats the last is not kept.</summary>
    public void Add(string text)
    {
        if (text.Trim().Length > 0 && text[0] != ' ' && (_entries.Count == 0 || _entries[^1] != text))
        {
            _entries.Add(text);
            if (_entries.Count > Most) { _entries.RemoveAt(0); }
            Append(text);
        }

        Rewind();
    }

    /// <summary>Back to where nothing is recalled.</summary>
    public void Rewind() => (_at, _draft) = (_entries.Count, "");

    /// <summary>The entry before, or null at the first. What is being typed is kept and found again at the end.</summary>
    public string? Older(string current)
    {
        if (_at == 0) { return null; }
        if (_at == _entries.Count) { _draft = current; }
        return _entries[--_at];
    }

    /// <summary>The entry after, or null at the end.</summary>
    public string? Newer() => _at >= _entries.Count ? null : ++_at == _entries.Count ? _draft : _entries[_at];

    /// <summary>The newest entry that holds a text, from before an index; null when there is none.</summary>
    public (int Index, string Text)? Search(string part, int before)
    {
        for (int i = Math.Min(before, _entries.Count) - 1; i >= 0; i--)
        {
            if (_entries[i].Contains(part, StringComparison.OrdinalIgnoreCase)) { return (i, _entries[i]); }
        }

        return null;
    }

    /// <summary>Number of entries.</summary>
    public int Count => _entries.Count;

    private void Append(string text)
    {
        if (_file is null) { return; }
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(_file)!);
            bool fresh = !File.Exists(_file);
            File.AppendAllText(_file, JsonSerializer.Serialize(text, _json) + "\n");
            // What people say to a model is theirs alone.
            if (fresh && !OperatingSystem.IsWindows()) { File.SetUnixFileMode(_file, UnixFileMode.UserRead | UnixFileMode.UserWrite); }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Nothing that should stop a conversation.
        }
    }
}
