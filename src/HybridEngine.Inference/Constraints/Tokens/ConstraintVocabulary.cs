using System.Globalization;
using HybridEngine.Core;
using HybridEngine.Models;

namespace HybridEngine.Inference;

/// <summary>What constraints know of a vocabulary: the bytes of its tokens and the tokens that end a text. Does not change; make one a model and share it.</summary>
public sealed class ConstraintVocabulary
{
    private readonly byte[][] _bytes;
    private readonly byte[][]? _firstBytes;

    private ConstraintVocabulary(byte[][] bytes, byte[][]? firstBytes, IReadOnlyList<int> endTokens)
    {
        (_bytes, _firstBytes, EndTokens) = (bytes, firstBytes, endTokens);
        if (endTokens.Count == 0) { throw new InvalidInputException("constraint", "a vocabulary without end tokens", "at least one, to end a text with"); }
        foreach (int id in endTokens)
        {
            if ((uint)id >= (uint)bytes.Length) { throw new InvalidInputException("constraint", $"end token {id.ToString(CultureInfo.InvariantCulture)}", $"0 to {bytes.Length - 1}"); }
            // It ends a text wherever it may stand, so it is not text.
            _bytes[id] = [];
            if (_firstBytes is not null) { _firstBytes[id] = []; }
        }

        Alphabet = VocabularyAlphabet.Restrict(_bytes);
        if (_firstBytes is not null) { VocabularyAlphabet.Restrict(_firstBytes); }
        Trie = new TokenTrie(_bytes);
        FirstTrie = _firstBytes is null ? Trie : new TokenTrie(_firstBytes);
    }

    /// <summary>Tokens, and bits of a mask.</summary>
    public int Size => _bytes.Length;

    /// <summary>Tokens that end a text.</summary>
    public IReadOnlyList<int> EndTokens { get; }

    /// <summary>Characters that tokens can write one at a time.</summary>
    internal CodePointSet Alphabet { get; }

    internal TokenTrie Trie { get; }

    /// <summary>The tokens as they read at the beginning of a text.</summary>
    internal TokenTrie FirstTrie { get; }

    /// <summary>The vocabulary of a tokenizer.</summary>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="endTokens">Tokens that end a completion; null for the tokenizer's own.</param>
    /// <exception cref="InvalidInputException">There is no end token, or one is beyond the vocabulary.</exception>
    public static ConstraintVocabulary FromTokenizer(Tokenizer tokenizer, IReadOnlyList<int>? endTokens = null)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        var bytes = new byte[tokenizer.VocabularySize][];
        var first = new byte[bytes.Length][];
        bool differ = false;
        for (int id = 0; id < bytes.Length; id++)
        {
            (bytes[id], first[id]) = (tokenizer.TokenBytes(id), tokenizer.TokenBytes(id, first: true));
            differ |= !bytes[id].AsSpan().SequenceEqual(first[id]);
        }

        return new ConstraintVocabulary(bytes, differ ? first : null, [.. endTokens ?? tokenizer.EndTokenIds]);
    }

    /// <summary>A vocabulary given by its tokens' bytes.</summary>
    /// <param name="tokens">UTF-8 bytes by token id; empty for a token that is not text.</param>
    /// <param name="endTokens">Tokens that end a text.</param>
    /// <exception cref="InvalidInputException">There is no end token, or one is beyond the vocabulary.</exception>
    public static ConstraintVocabulary FromBytes(IReadOnlyList<byte[]> tokens, IReadOnlyList<int> endTokens)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentNullException.ThrowIfNull(endTokens);
        return new ConstraintVocabulary([.. tokens], null, [.. endTokens]);
    }

    /// <summary>The bytes of a token at its place in a text.</summary>
    internal ReadOnlySpan<byte> Bytes(int id, bool first) => (first && _firstBytes is not null ? _firstBytes : _bytes)[id];
}
