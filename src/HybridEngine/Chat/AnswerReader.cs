using System.Text.Json;
using Microsoft.Extensions.AI;

namespace HybridEngine;

/// <summary>Turns an answer's text, piece by piece, into what it means: reasoning, text, function calls. Nothing that may still become a marker is let through early.</summary>
internal sealed class AnswerReader
{
    private const string ThinkOpen = "<think>", ThinkClose = "</think>";

    private readonly ToolCallFormat? _tools;
    private readonly HashSet<string> _names;
    private readonly string[] _markers;
    private string _held = "";
    private State _state;
    private bool _begun, _afterCall;

    private enum State { Start, Text, Reasoning, Call }

    /// <param name="tools">How calls are written; null when there are no tools.</param>
    /// <param name="names">The functions that may be called.</param>
    /// <param name="thinks">The template knows <c>&lt;think&gt;</c>.</param>
    /// <param name="reasoning">The prompt has opened it.</param>
    public AnswerReader(ToolCallFormat? tools, IEnumerable<string> names, bool thinks, bool reasoning)
    {
        (_tools, _names) = (tools, new HashSet<string>(names, StringComparer.Ordinal));
        List<string> markers = [.. tools?.Openings ?? []];
        if (thinks) { markers.Add(ThinkOpen); }
        _markers = [.. markers];
        _state = reasoning ? State.Reasoning : State.Start;
    }

    /// <summary>Function calls so far.</summary>
    public int Calls { get; private set; }

    /// <summary>What comes now is reasoning.</summary>
    public bool IsReasoning => _state == State.Reasoning;

    /// <summary>Takes a piece of the answer.</summary>
    public List<AIContent> Add(string piece)
    {
        _held += piece;
        List<AIContent> contents = [];
        while (Advance(contents, atEnd: false)) { }
        return contents;
    }

    /// <summary>The end of the answer: what is held is a call, or text after all.</summary>
    public List<AIContent> Finish()
    {
        List<AIContent> contents = [];
        while (Advance(contents, atEnd: true)) { }
        return contents;
    }

    // False when more has to come.
    private bool Advance(List<AIContent> contents, bool atEnd)
    {
        // White space after a call is not an answer.
        if (_afterCall) { _held = _held.TrimStart(); }
        if (_held.Length == 0) { return false; }
        _afterCall = false;
        return _state switch
        {
            State.Start => AdvanceStart(atEnd),
            State.Reasoning => AdvanceReasoning(contents, atEnd),
            State.Call => AdvanceCall(contents, atEnd),
            _ => AdvanceText(contents, atEnd),
        };
    }

    private bool AdvanceStart(bool atEnd)
    {
        int first = JsonScan.SkipSpace(_held, 0);
        // Llama sets calls apart by a semicolon.
        if (Calls > 0 && _tools!.BeginsWithJson && first < _held.Length && _held[first] == ';') { first = JsonScan.SkipSpace(_held, first + 1); }
        if (first == _held.Length && !atEnd && _markers.Length > 0) { return false; }
        _state = _tools is { BeginsWithJson: true } && first < _held.Length && _held[first] == '{' ? State.Call : State.Text;
        if (_state == State.Call) { _held = _held[first..]; }
        return true;
    }

    private bool AdvanceText(List<AIContent> contents, bool atEnd)
    {
        int at = -1;
        string marker = "";
        foreach (string m in _markers)
        {
            int found = _held.IndexOf(m, StringComparison.Ordinal);
            if (found >= 0 && (at < 0 || found < at)) { (at, marker) = (found, m); }
        }

        if (at < 0)
        {
            int keep = atEnd ? 0 : HeldLength();
            Text(contents, _held[..^keep]);
            _held = _held[^keep..];
            return false;
        }

        // White space between the answer and a call belongs to neither.
        Text(contents, _held[..at].TrimEnd());
        if (marker == ThinkOpen) { (_held, _state, _begun) = (_held[(at + marker.Length)..], State.Reasoning, false); }
        else { (_held, _state) = (_held[at..], State.Call); }
        return true;
    }

    private bool AdvanceReasoning(List<AIContent> contents, bool atEnd)
    {
        if (!_begun) { _held = _held.TrimStart('\n'); }
        int end = _held.IndexOf(ThinkClose, StringComparison.Ordinal);
        if (end < 0)
        {
            int keep = atEnd ? 0 : Overlap(ThinkClose);
            // A line break before the closing is held with it.
            while (!atEnd && keep < _held.Length && _held[^(keep + 1)] == '\n') { keep++; }
            Reasoning(contents, _held[..^keep]);
            _held = _held[^keep..];
            return false;
        }

        Reasoning(contents, _held[..end].TrimEnd('\n'));
        (_held, _state, _begun) = (_held[(end + ThinkClose.Length)..], State.Start, false);
        return true;
    }

    private bool AdvanceCall(List<AIContent> contents, bool atEnd)
    {
        int read = _tools!.Read(_held, atEnd, out List<ToolCall> calls);
        if (read == 0) { return false; }
        // Without a marker only a known function makes it a call: an answer may be JSON as well.
        bool unmarked = _tools.BeginsWithJson && !StartsWithMarker();
        if (read < 0 || (unmarked && calls.Exists(c => !_names.Contains(c.Name))))
        {
            // No call after all: its first character is text, and what follows is looked at again.
            Text(contents, _held[..1]);
            (_held, _state) = (_held[1..], State.Text);
            return true;
        }

        foreach (ToolCall call in calls)
        {
            contents.Add(Content(call));
            Calls++;
        }

        _held = _held[read..];
        _afterCall = calls.Count > 0;
        _state = _tools.BeginsWithJson && calls.Count > 0 ? State.Start : State.Text;
        return _held.Length > 0;
    }

    private bool StartsWithMarker() => Array.Exists(_markers, m => _held.StartsWith(m, StringComparison.Ordinal));

    private void Text(List<AIContent> contents, string text)
    {
        // A template that ends with <think></think>, or a closing, leaves line breaks before the answer.
        if (!_begun) { text = text.TrimStart('\n'); }
        if (text.Length == 0) { return; }
        _begun = true;
        contents.Add(new TextContent(text));
    }

    private void Reasoning(List<AIContent> contents, string text)
    {
        if (text.Length == 0) { return; }
        _begun = true;
        contents.Add(new TextReasoningContent(text));
    }

    private static FunctionCallContent Content(ToolCall call) =>
        // Nine letters and digits: what Mistral's templates insist on, and no other minds.
        new(Guid.NewGuid().ToString("N")[..9], call.Name, call.Arguments.ToDictionary(a => a.Key, a => (object?)a.Value, StringComparer.Ordinal));

    private int HeldLength()
    {
        int longest = 0;
        foreach (string m in _markers) { longest = Math.Max(longest, Overlap(m)); }
        // White space before a marker that may come.
        while (_markers.Length > 0 && longest < _held.Length && char.IsWhiteSpace(_held[^(longest + 1)])) { longest++; }
        return longest;
    }

    // Length of the longest end of what is held that the marker begins with.
    private int Overlap(string marker)
    {
        for (int n = Math.Min(marker.Length - 1, _held.Length); n > 0; n--)
        {
            if (_held.AsSpan(_held.Length - n).SequenceEqual(marker.AsSpan(0, n))) { return n; }
        }

        return 0;
    }
}
