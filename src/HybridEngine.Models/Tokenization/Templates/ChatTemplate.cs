namespace HybridEngine.Models;

/// <summary>A chat template.</summary>
public sealed class ChatTemplate
{
    /// <param name="source">Jinja source.</param>
    /// <param name="specialTokens">Tokens.</param>
    public ChatTemplate(string source, IReadOnlyDictionary<string, string>? specialTokens = null) => Source = source;

    /// <summary>The template's source.</summary>
    public string Source { get; }
}
