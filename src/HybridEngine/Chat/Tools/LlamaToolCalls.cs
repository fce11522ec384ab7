namespace HybridEngine;

/// <summary>Llama 3.1 to 3.3: the answer is <c>{"name": ..., "parameters": {...}}</c>, sometimes after <c>&lt;|python_tag|&gt;</c>, several set apart by <c>;</c>.</summary>
internal sealed class LlamaToolCalls : ToolCallFormat
{
    private const string Tag = "<|python_tag|>";

    public override IReadOnlyList<string> Openings { get; } = [Tag];

    public override bool BeginsWithJson => true;

    public override (string Name, string Arguments)? Keys => ("name", "parameters");

    public override string Begin(string? name) => "{\"name\": \"" + (name is null ? "" : $"{name}\", \"parameters\": ");

    public override int Read(string text, bool atEnd, out List<ToolCall> calls)
    {
        calls = [];
        int start = JsonScan.SkipSpace(text, text.StartsWith(Tag, StringComparison.Ordinal) ? Tag.Length : 0);
        if (start < text.Length && text[start] == ';') { start = JsonScan.SkipSpace(text, start + 1); }
        if (start == text.Length) { return atEnd ? -1 : 0; }
        if (text[start] != '{') { return -1; }
        int end = JsonScan.End(text, start);
        if (end < 0) { return atEnd ? -1 : 0; }
        if (ToolCall.Parse(text[start..end]) is not { } parsed) { return -1; }
        calls = parsed;
        return end;
    }
}
