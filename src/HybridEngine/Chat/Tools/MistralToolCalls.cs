namespace HybridEngine;

/// <summary>Mistral: <c>[TOOL_CALLS][{"name": ..., "arguments": {...}}, ...]</c>; since Small 3.2 <c>[TOOL_CALLS]name[ARGS]{...}</c>, once for each call.</summary>
internal sealed class MistralToolCalls : ToolCallFormat
{
    private const string Open = "[TOOL_CALLS]", Arguments = "[ARGS]", CallId = "[CALL_ID]";

    public override IReadOnlyList<string> Openings { get; } = [Open];

    public override (string Name, string Arguments)? Keys => ("name", "arguments");

    public override string Begin(string? name) => $"{Open}[{{\"name\": \"" + (name is null ? "" : $"{name}\", \"arguments\": ");

    public override string Write(string name, string argumentsJson) => $"{Begin(name)}{argumentsJson}}}]";

    public override int Read(string text, bool atEnd, out List<ToolCall> calls)
    {
        calls = [];
        int start = JsonScan.SkipSpace(text, Open.Length);
        if (start == text.Length) { return atEnd ? -1 : 0; }
        string? name = null;
        if (text[start] is not ('[' or '{'))
        {
            int brace = text.IndexOf('{', start);
            if (brace < 0) { return atEnd ? -1 : 0; }
            name = text[start..brace];
            foreach (string mark in (string[])[Arguments, CallId])
            {
                int at = name.IndexOf(mark, StringComparison.Ordinal);
                if (at >= 0) { name = name[..at]; }
            }

            start = brace;
        }

        int end = JsonScan.End(text, start);
        if (end < 0) { return atEnd ? -1 : 0; }
        List<ToolCall>? parsed = name is null ? ToolCall.Parse(text[start..end]) : ToolCall.Parse(name.Trim(), text[start..end]) is { } one ? [one] : null;
        if (parsed is null) { return -1; }
        calls = parsed;
        return end;
    }
}
