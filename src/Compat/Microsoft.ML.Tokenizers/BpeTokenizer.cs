using System.Buffers;
using System.Text;
using HybridEngine.Models;

namespace Microsoft.ML.Tokenizers;

/// <summary>Byte pair encoding: the pair of neighbours with the best merge becomes one symbol, until no merge applies.</summary>
/// <remarks>Source: Sennrich, Haddow and Birch 2016. Time is n log n in the length of the text. Instances do not change and may be shared by threads.</remarks>
public sealed class BpeTokenizer : Tokenizer
{
    private readonly Dictionary<string, int> _vocabulary;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _bySpan;
    private readonly MergeTable _merges;
    private readonly string? _suffix;
    private readonly int? _unknown;

    private BpeTokenizer(BpeOptions options)
    {
        _vocabulary = new Dictionary<string, int>(options.Vocabulary, StringComparer.Ordinal);
        if (_vocabulary.Count == 0) throw new InvalidOperationException("The vocabulary cannot be empty.");
        _bySpan = _vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        _merges = new MergeTable(_vocabulary, options.Merges ?? []);
        _suffix = string.IsNullOrEmpty(options.EndOfWordSuffix) ? null : options.EndOfWordSuffix;
        if (options.UnknownToken is { } unknown)
            _unknown = _vocabulary.TryGetValue(unknown, out int id) ? id : throw new InvalidOperationException($"The unknown token '{unknown}' is not in the vocabulary.");
        ByteLevel = options.ByteLevel;
    }

    /// <summary>Whether the vocabulary is over bytes.</summary>
    public bool ByteLevel { get; }

    /// <summary>Token text and id.</summary>
    public IReadOnlyDictionary<string, int> Vocabulary => _vocabulary;

    /// <summary>A tokenizer from its parts.</summary>
    /// <param name="options">The parts.</param>
    /// <exception cref="InvalidOperationException">The vocabulary is empty or lacks the unknown token, or a merge is malformed or names a token that the vocabulary lacks.</exception>
    /// <exception cref="ArgumentException">A text occurs twice in the vocabulary.</exception>
    public static BpeTokenizer Create(BpeOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new BpeTokenizer(options);
    }

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException"><paramref name="considerPreTokenization"/> is true: this assembly has no pre-tokenizers, its caller brings one word at a time.</exception>
    public override IReadOnlyList<int> EncodeToIds(ReadOnlySpan<char> text, bool considerPreTokenization = true, bool considerNormalization = true)
    {
        if (considerPreTokenization) throw new NotSupportedException("This assembly merges one word at a time; pass considerPreTokenization: false, or use the package Microsoft.ML.Tokenizers.");
        if (text.IsEmpty) return [];

        int[]? rented = null;
        // One symbol a character at most, or one a byte: three bytes a UTF-16 unit.
        int capacity = ByteLevel ? 3 * text.Length : text.Length;
        Span<int> symbols = capacity <= 256 ? stackalloc int[256] : (rented = ArrayPool<int>.Shared.Rent(capacity));
        try
        {
            int count = ByteLevel ? ByteSymbols(text, symbols) : CharacterSymbols(text, symbols);
            count = _merges.Apply(symbols[..count]);
            return symbols[..count].ToArray();
        }
        finally
        {
            if (rented != null) ArrayPool<int>.Shared.Return(rented);
        }
    }

    private int CharacterSymbols(ReadOnlySpan<char> text, Span<int> symbols)
    {
        int count = 0;
        for (int at = 0; at < text.Length;)
        {
            int length = char.IsHighSurrogate(text[at]) && at + 1 < text.Length && char.IsLowSurrogate(text[at + 1]) ? 2 : 1;
            bool last = at + length == text.Length;
            int id;
            bool known = last && _suffix != null
                ? _vocabulary.TryGetValue(string.Concat(text.Slice(at, length), _suffix), out id)
                : _bySpan.TryGetValue(text.Slice(at, length), out id);
            if (known) symbols[count++] = id;
            else if (_unknown is { } unknown) symbols[count++] = unknown;
            at += length;
        }
        return count;
    }

    private int ByteSymbols(ReadOnlySpan<char> text, Span<int> symbols)
    {
        int count = 0;
        Span<byte> bytes = stackalloc byte[4];
        foreach (Rune rune in text.EnumerateRunes())
        {
            int length = rune.EncodeToUtf8(bytes);
            foreach (byte value in bytes[..length])
            {
                char letter = ByteAlphabet[value];
                if (_bySpan.TryGetValue(new ReadOnlySpan<char>(ref letter), out int id)) symbols[count++] = id;
                else if (_unknown is { } unknown) symbols[count++] = unknown;
            }
        }
        return count;
    }

    /// <summary>GPT-2's alphabet: printable Latin-1 bytes stand for themselves, the others take the characters from U+0100 on.</summary>
    private static readonly char[] ByteAlphabet = MakeByteAlphabet();

    private static char[] MakeByteAlphabet()
    {
        var alphabet = new char[256];
        char next = (char)0x100;
        for (int value = 0; value < 256; value++)
        {
            bool printable = value is >= 0x21 and <= 0x7E or >= 0xA1 and <= 0xAC or >= 0xAE;
            alphabet[value] = printable ? (char)value : next++;
        }
        return alphabet;
    }
}
