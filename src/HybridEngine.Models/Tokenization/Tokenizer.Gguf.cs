namespace HybridEngine.Models;

public sealed partial class Tokenizer
{
    /// <summary>A tokenizer from the metadata of a GGUF file.</summary>
    /// <param name="metadata">Key and value: texts, bools, numbers, and arrays of them (<c>string[]</c>, <c>float[]</c>, <c>int[]</c>).</param>
    /// <param name="file">What messages call it.</param>
    /// <exception cref="Core.InvalidInputException">A key is missing or has a value that cannot be.</exception>
    /// <exception cref="Core.UnsupportedException">The tokenizer is of a kind that is not implemented; the message names it.</exception>
    public static Tokenizer FromGguf(IReadOnlyDictionary<string, object> metadata, string file = "GGUF metadata")
    {
        ArgumentNullException.ThrowIfNull(metadata);
        return GgufTokenizer.Read(new GgufFields(metadata, file));
    }
}
