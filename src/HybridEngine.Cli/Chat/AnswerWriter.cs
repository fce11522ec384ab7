using System.Text;
using HybridEngine.Cli.Output;
using HybridEngine.Inference;

namespace HybridEngine.Cli.Chat;

/// <summary>Shows an answer as it comes: on a terminal without the control characters that a model could steer it with, with <c>--json</c> as one line at its end.</summary>
internal sealed class AnswerWriter(TextWriter output, bool json, bool terminal)
{
    private bool _open;

    public void Add(string piece)
    {
        if (json || piece.Length == 0) { return; }
        output.Write(terminal ? Clean(piece) : piece);
        output.Flush();
        _open = true;
    }

    /// <summary>The end of the answer.</summary>
    public void End(GenerationResult answer)
    {
        if (!json)
        {
            output.WriteLine(answer.FinishReason == FinishReason.Cancelled && _open ? " ..." : "");
            _open = false;
            return;
        }

        JsonLine.Write(w =>
        {
            w.WriteStartObject();
            w.WriteString("role", "assistant");
            w.WriteString("content", answer.Text);
            w.WriteIds("token_ids", answer.TokenIds);
            w.WriteString("finish_reason", answer.FinishReason.ToString().ToLowerInvariant());
            w.WriteEndObject();
        });
    }

    internal static string Clean(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\0', '\x1F') && !text.AsSpan().ContainsAnyInRange('\x7F', '\x9F')) { return text; }
        StringBuilder clean = new(text.Length);
        foreach (char c in text)
        {
            if (!char.IsControl(c) || c is '\n' or '\t') { clean.Append(c); }
        }

        return clean.ToString();
    }
}
