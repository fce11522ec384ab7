namespace Microsoft.ML.Tokenizers;

/// <summary>What a <see cref="BpeTokenizer"/> is made of.</summary>
public sealed class BpeOptions
{
    /// <summary>Options with a vocabulary.</summary>
    /// <param name="vocabulary">Token text and id; a text may occur once.</param>
    public BpeOptions(IEnumerable<KeyValuePair<string, int>> vocabulary)
    {
        ArgumentNullException.ThrowIfNull(vocabulary);
        Vocabulary = vocabulary;
    }

    /// <summary>Token text and id.</summary>
    public IEnumerable<KeyValuePair<string, int>> Vocabulary { get; }

    /// <summary>The merges, best first, each as <c>left right</c> with exactly one space.</summary>
    public IEnumerable<string>? Merges { get; set; }

    /// <summary>Whether the vocabulary is over bytes, each written as one character of GPT-2's alphabet; text is then taken as UTF-8.</summary>
    public bool ByteLevel { get; set; }

    /// <summary>What the vocabulary writes after the last character of a word, as CLIP's <c>&lt;/w&gt;</c>.</summary>
    public string? EndOfWordSuffix { get; set; }

    /// <summary>The token that stands for a character that the vocabulary lacks; without it such a character is dropped.</summary>
    public string? UnknownToken { get; set; }
}
