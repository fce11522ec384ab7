namespace HybridEngine;

/// <summary>Functionary 3.1 and Llama's own alternative: <c>&lt;function=name&gt;{...}&lt;/function&gt;</c>.</summary>
internal sealed class FunctionTagToolCalls : ToolCallFormat
{
    private const string Open = "<function=", Close = "</function>";

    public override IReadOnlyList<string> Openings { get; } = [Open];

    public override string Begin(string? name) => Open + (name is null ? "" : name + ">");

    public override string Write(string name, string argumentsJson) => Begin(name) + argumentsJson + Close;

    public override int Read(string text, bool atEnd, out List<ToolCall> calls) => Named.Read(text, Open.Length, text.IndexOf('>', StringComparison.Ordinal), 1, Close, atEnd, out calls);
}

/// <summary>DeepSeek: <c>&lt;｜tool▁calls▁begin｜&gt;&lt;｜tool▁call▁begin｜&gt;function&lt;｜tool▁sep｜&gt;name</c>, a line <c>```json</c>, the arguments, <c>```</c> and the closings.</summary>
internal sealed class DeepSeekToolCalls : ToolCallFormat
{
    private const string Calls = "<｜tool▁calls▁begin｜>", Call = "<｜tool▁call▁begin｜>", Separator = "<｜tool▁sep｜>", Close = "<｜tool▁call▁end｜>", CloseAll = "<｜tool▁calls▁end｜>", Fence = "```json\n";

    public override IReadOnlyList<string> Openings { get; } = [Calls, Call, CloseAll];

    public override string Begin(string? name) => $"{Calls}{Call}function{Separator}" + (name is null ? "" : $"{name}\n{Fence}");

    public override string Write(string name, string argumentsJson) => $"{Begin(name)}{argumentsJson}\n```{Close}{CloseAll}";

    public override int Read(string text, bool atEnd, out List<ToolCall> calls)
    {
        calls = [];
        // The brackets around all calls carry nothing.
        if (text.StartsWith(Calls, StringComparison.Ordinal)) { return Calls.Length; }
        if (text.StartsWith(CloseAll, StringComparison.Ordinal)) { return CloseAll.Length; }
        int separator = text.IndexOf(Separator, StringComparison.Ordinal);
        if (separator < 0) { return atEnd ? -1 : 0; }
        int name = separator + Separator.Length;
        return Named.Read(text, name, text.IndexOf('\n', name), Fence.Length + 1, "\n```" + Close, atEnd, out calls);
    }
}

/// <summary>Functionary 3.2: <c>&gt;&gt;&gt;name</c>, a line break, the arguments; <c>&gt;&gt;&gt;all</c> is the answer to the user. The prompt ends with the first <c>&gt;&gt;&gt;</c>.</summary>
internal sealed class RecipientToolCalls : ToolCallFormat
{
    private const string Open = ">>>", User = "all";

    public override IReadOnlyList<string> Openings { get; } = [Open];

    public override string Begin(string? name) => name is null ? "" : name + "\n";

    public override string Write(string name, string argumentsJson) => $"{Open}{name}\n{argumentsJson}";

    public override int Read(string text, bool atEnd, out List<ToolCall> calls)
    {
        calls = [];
        int line = text.IndexOf('\n', StringComparison.Ordinal);
        if (line > 0 && text.AsSpan(Open.Length, line - Open.Length).Trim().SequenceEqual(User)) { return line + 1; }
        return Named.Read(text, Open.Length, line, 1, "", atEnd, out calls);
    }
}

/// <summary>A name, something between, arguments in JSON, a closing that may be missing.</summary>
internal static class Named
{
    public static int Read(string text, int nameStart, int nameEnd, int between, string close, bool atEnd, out List<ToolCall> calls)
    {
        calls = [];
        if (nameEnd < 0) { return atEnd ? -1 : 0; }
        int start = JsonScan.SkipSpace(text, nameEnd + between);
        if (start >= text.Length) { return atEnd ? -1 : 0; }
        int end = JsonScan.End(text, start);
        if (end < 0) { return atEnd || text[start] != '{' ? -1 : 0; }
        if (ToolCall.Parse(text[nameStart..nameEnd].Trim(), text[start..end]) is not { } call) { return -1; }
        if (text.AsSpan(end).StartsWith(close, StringComparison.Ordinal)) { end += close.Length; }
        else if (!atEnd && close.AsSpan().StartsWith(text.AsSpan(end), StringComparison.Ordinal)) { return 0; }
        calls.Add(call);
        return end;
    }
}
