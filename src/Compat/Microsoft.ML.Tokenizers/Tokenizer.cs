namespace Microsoft.ML.Tokenizers;

/// <summary>Turns text into token ids. The part of the package's base class that HybridEngine calls, with the same signatures.</summary>
public abstract class Tokenizer
{
    /// <summary>Encodes text to token ids.</summary>
    /// <param name="text">The text.</param>
    /// <param name="considerPreTokenization">Whether the tokenizer's pre-tokenizer splits the text first.</param>
    /// <param name="considerNormalization">Whether the tokenizer's normalizer changes the text first.</param>
    /// <returns>The ids, in the order of the text.</returns>
    public IReadOnlyList<int> EncodeToIds(string text, bool considerPreTokenization = true, bool considerNormalization = true)
    {
        ArgumentNullException.ThrowIfNull(text);
        return EncodeToIds(text.AsSpan(), considerPreTokenization, considerNormalization);
    }

    /// <summary>Encodes text to token ids.</summary>
    /// <param name="text">The text.</param>
    /// <param name="considerPreTokenization">Whether the tokenizer's pre-tokenizer splits the text first.</param>
    /// <param name="considerNormalization">Whether the tokenizer's normalizer changes the text first.</param>
    /// <returns>The ids, in the order of the text.</returns>
    public abstract IReadOnlyList<int> EncodeToIds(ReadOnlySpan<char> text, bool considerPreTokenization = true, bool considerNormalization = true);
}
