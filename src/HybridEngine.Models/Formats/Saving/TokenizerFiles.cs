namespace HybridEngine.Models;

/// <summary>The files of a model folder that belong to its tokenizer.</summary>
internal static class TokenizerFiles
{
    private static readonly string[] _names =
        ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt", "tokenizer.model", "chat_template.jinja"];

    /// <summary>Copies those that are there.</summary>
    public static void Copy(string origin, string target)
    {
        foreach (string file in _names.Select(name => Path.Combine(origin, name)).Where(File.Exists))
        {
            using FileStream from = new(file, FileMode.Open, FileAccess.Read, FileShare.Read);
            AtomicFile.Write(Path.Combine(target, Path.GetFileName(file)), from.CopyTo);
        }
    }
}
