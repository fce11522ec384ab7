namespace HybridEngine;

/// <summary>How a family of models writes function calls.</summary>
internal abstract class ToolCallFormat
{
    /// <summary>Texts that begin calls; what stands before them is answer.</summary>
    public abstract IReadOnlyList<string> Openings { get; }

    /// <summary>The whole answer is a call or none: it then begins with JSON, without an opening.</summary>
    public virtual bool BeginsWithJson => false;

    /// <summary>Reads calls from an opening on.</summary>
    /// <param name="text">What the model has written from the opening on (<see cref="BeginsWithJson"/>: from the JSON on).</param>
    /// <param name="atEnd">Nothing will follow: what only lacks its closing counts.</param>
    /// <param name="calls">The calls, when there are.</param>
    /// <returns>Characters that are read; 0 to wait for more; -1 when this is no call.</returns>
    public abstract int Read(string text, bool atEnd, out List<ToolCall> calls);

    /// <summary>How a call begins that the model is made to write: up to where the arguments start, or, with no name, up to where the name starts.</summary>
    public abstract string Begin(string? name);

    /// <summary>Keys of name and arguments, where a call is one JSON object; null where its name stands apart.</summary>
    public virtual (string Name, string Arguments)? Keys => null;

    /// <summary>A call as text, for templates that cannot render one.</summary>
    public virtual string Write(string name, string argumentsJson) => $"{Begin(name)}{argumentsJson}}}";

    /// <summary>The format that a template's own text shows; null when it shows none.</summary>
    /// <param name="template">Jinja source.</param>
    public static ToolCallFormat? Of(string template)
    {
        foreach ((string marker, ToolCallFormat format) in _formats)
        {
            if (template.Contains(marker, StringComparison.Ordinal)) { return format; }
        }

        return null;
    }

    /// <summary>Hermes, Qwen, SmolLM: what is asked of a model whose template knows no tools.</summary>
    public static ToolCallFormat Hermes { get; } = new JsonToolCalls("<tool_call>", "</tool_call>", "\n", "arguments");

    // The first marker that a template holds decides; the more special ones come first.
    private static readonly (string Marker, ToolCallFormat Format)[] _formats =
    [
        ("<tool_call>", Hermes),
        ("[TOOL_CALLS]", new MistralToolCalls()),
        ("<｜tool▁call▁begin｜>", new DeepSeekToolCalls()),
        ("<|START_ACTION|>", new JsonToolCalls("<|START_ACTION|>", "<|END_ACTION|>", "[\n    ", "parameters", "tool_name")),
        ("<|tool_call|>", new JsonToolCalls("<|tool_call|>", "<|/tool_call|>", "[", "arguments")),
        ("functools", new JsonToolCalls("functools", "", "[", "arguments")),
        ("'Action:", new JsonToolCalls("Action:", "```", " ```json\n[\n    ", "parameters", "tool_name", "```json")),
        ("<function=", new FunctionTagToolCalls()),
        (">>>", new RecipientToolCalls()),
        ("\"parameters\": ", new LlamaToolCalls()),
    ];
}

/// <summary>JSON (one call, or a list) between an opening and a closing.</summary>
/// <param name="open">Text before the JSON.</param>
/// <param name="close">Text after it; may be empty, and may be missing at the end of an answer.</param>
/// <param name="lead">What the family writes between the opening and the first call.</param>
/// <param name="arguments">Key of the arguments.</param>
/// <param name="key">Key of the name.</param>
/// <param name="fence">Must follow the opening, white space apart; may be empty.</param>
internal sealed class JsonToolCalls(string open, string close, string lead, string arguments, string key = "name", string fence = "") : ToolCallFormat
{
    public override IReadOnlyList<string> Openings { get; } = [open];

    public override (string Name, string Arguments)? Keys { get; } = (key, arguments);

    public override string Begin(string? name) => $"{open}{lead}{{\"{key}\": \"" + (name is null ? "" : $"{name}\", \"{arguments}\": ");

    public override string Write(string name, string argumentsJson) => $"{Begin(name)}{argumentsJson}}}{(lead.Contains('[', StringComparison.Ordinal) ? "]" : "")}{(close.Length > 0 ? "\n" + close : "")}";

    public override int Read(string text, bool atEnd, out List<ToolCall> calls)
    {
        calls = [];
        int start = JsonScan.SkipSpace(text, open.Length);
        if (text.AsSpan(start).StartsWith(fence, StringComparison.Ordinal)) { start = JsonScan.SkipSpace(text, start + fence.Length); }
        else { return !atEnd && fence.AsSpan().StartsWith(text.AsSpan(start), StringComparison.Ordinal) ? 0 : -1; }
        if (start == text.Length) { return atEnd ? -1 : 0; }
        if (text[start] is not ('{' or '[')) { return -1; }
        int end = JsonScan.End(text, start);
        if (end < 0) { return atEnd ? -1 : 0; }
        if (ToolCall.Parse(text[start..end]) is not { } parsed) { return -1; }
        int rest = JsonScan.SkipSpace(text, end);
        if (text.AsSpan(rest).StartsWith(close, StringComparison.Ordinal)) { end = close.Length > 0 ? rest + close.Length : end; }
        else if (!atEnd && close.AsSpan().StartsWith(text.AsSpan(rest), StringComparison.Ordinal)) { return 0; }
        calls = parsed;
        return end;
    }
}
