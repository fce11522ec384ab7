namespace HybridEngine.Models;

/// <summary>The files of a model folder that belong to its tokenizer.</summary>
internal static class TokenizerFiles
{
    private static readonly string[] _names =
        ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt", "tokenizer.model", "chat_template.jinja"];

    /// <summary>True for a tokenizer's file.</summary>
    public static bool Knows(string name) => _names.Contains(name);

    /// <summary>Writes a model's tokenizer into a folder: copies of the files of a folder, or those that GGUF metadata or llama2.c's vocabulary stand for.</summary>
    public static void Write(ModelFiles origin, string target)
    {
        if (Directory.Exists(origin.Path)) { Copy(origin.Path, target); }
        else { origin.LoadTokenizer()?.WriteFiles(target); }
    }

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
