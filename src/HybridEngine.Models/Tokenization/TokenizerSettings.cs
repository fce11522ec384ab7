using System.Text;
using System.Text.Json;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>What stands beside tokenizer.json: the names of special tokens and the chat template.</summary>
internal sealed record TokenizerSettings
{
    private const string DefaultTemplate = "default";

    // The end of a text, and the end of a turn: the second is a name of ours, written when a GGUF file has both.
    private static readonly string[] EndNames = ["eos_token", "eot_token"];

    public static TokenizerSettings Empty { get; } = new();

    /// <summary>Token texts by name (<c>bos_token</c>, ...).</summary>
    public IReadOnlyDictionary<string, string> SpecialTokens { get; init; } = new Dictionary<string, string>();

    public IReadOnlyList<string> EndTokens { get; init; } = [];

    public string? ChatTemplate { get; init; }

    /// <summary>Reads tokenizer_config.json and chat_template.jinja of a folder; either may be absent.</summary>
    public static TokenizerSettings Read(string folder)
    {
        string file = Path.Combine(folder, "tokenizer_config.json"), templateFile = Path.Combine(folder, "chat_template.jinja");
        TokenizerSettings settings = File.Exists(file) ? Tokenizer.Guard(file, () => ReadConfig(file)) : Empty;
        return File.Exists(templateFile) ? settings with { ChatTemplate = Encoding.UTF8.GetString(Tokenizer.ReadFile(templateFile)).TrimStart('\uFEFF') } : settings;
    }

    private static TokenizerSettings ReadConfig(string file)
    {
        using JsonDocument document = JsonDocument.Parse(Tokenizer.ReadFile(file));
        var root = new JsonSection(document.RootElement, file, "$");
        var special = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach ((string name, JsonSection value) in root.Members())
        {
            if (!name.EndsWith("_token", StringComparison.Ordinal)) continue;
            // A text, or an added token written out.
            if (value.Element.ValueKind == JsonValueKind.String) special[name] = value.AsString();
            else if (value.IsObject && value["content"] is { IsNull: false } content) special[name] = content.AsString();
        }
        return new TokenizerSettings
        {
            SpecialTokens = special,
            EndTokens = [.. EndNames.Where(special.ContainsKey).Select(name => special[name])],
            ChatTemplate = ReadTemplate(root["chat_template"]),
        };
    }

    /// <summary>One template, or several by name of which <c>default</c> is taken.</summary>
    private static string? ReadTemplate(JsonSection section)
    {
        if (section.IsNull) return null;
        if (!section.IsArray) return section.AsString();
        JsonSection? chosen = null;
        foreach (JsonSection item in section.Items())
        {
            if (chosen == null || item["name"].AsString() == DefaultTemplate) chosen = item;
        }
        return chosen?["template"].AsString();
    }
}
