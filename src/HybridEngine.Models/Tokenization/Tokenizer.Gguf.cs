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
        GgufFields fields = new(metadata, file);
        // A whole tokenizer.json says more than the other keys can; the special tokens and the template stand in those all the same.
        return fields.Text(GgufVocabulary.WholeJson) is { } json ? GgufTokenizer.ReadWhole(fields, json) : GgufTokenizer.Read(fields);
    }
}
