using System.Text.Json.Nodes;

namespace HybridEngine.Models;

public sealed partial class Tokenizer
{
    /// <summary>The <c>tokenizer.json</c> that says what this tokenizer does, UTF-8.</summary>
    internal ReadOnlyMemory<byte> Json => _parts.Json;

    /// <summary>Writes <c>tokenizer.json</c>, <c>tokenizer_config.json</c> and, with a chat template, <c>chat_template.jinja</c>: what <see cref="Load"/> reads.</summary>
    /// <param name="folder">An existing folder.</param>
    /// <exception cref="Core.HybridEngineException">The disk is full or the folder cannot be written.</exception>
    internal void WriteFiles(string folder)
    {
        JsonObject config = new() { ["tokenizer_class"] = "PreTrainedTokenizerFast", ["clean_up_tokenization_spaces"] = false };
        foreach ((string name, string text) in _parts.SpecialTokens) { config[name] = text; }
        AtomicFile.Write(Path.Combine(folder, "tokenizer.json"), stream => stream.Write(ScoredMerges.AddTo(_parts.Json)));
        AtomicFile.WriteText(Path.Combine(folder, "tokenizer_config.json"), config.ToJsonString(SavedJson.Indented) + "\n");
        if (_parts.ChatTemplate is { } template) { AtomicFile.WriteText(Path.Combine(folder, "chat_template.jinja"), template); }
    }
}
