using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Cli.Input;

/// <summary>The tokenizer of a model, without loading its weights.</summary>
internal static class ModelTokenizer
{
    /// <param name="path">A folder with tokenizer.json, a tokenizer.json, a GGUF file or a llama2.c vocabulary.</param>
    /// <exception cref="InvalidInputException">There is none.</exception>
    public static Tokenizer Load(string path)
    {
        if (!path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase)) { return Tokenizer.Load(path); }
        using GgufFile file = GgufFile.Open(path);
        return Tokenizer.FromGguf(file.Metadata, path);
    }
}
