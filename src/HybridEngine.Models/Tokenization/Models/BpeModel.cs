using System.Buffers;
using Microsoft.ML.Tokenizers;

namespace HybridEngine.Models;

/// <summary>Byte pair encoding with a list of merges. Microsoft.ML.Tokenizers merges each stretch of known characters of a word's length, <see cref="MergeTable"/> the longer ones;
/// unknown characters, whole words that no merge reaches (<c>ignore_merges</c>) and offsets are handled here.</summary>
internal sealed class BpeModel : ITokenModel
{
    // The library's time grows with the square of the stretch: natural words are far below this, what is above may be a megabyte without a space.
    internal const int LongStretch = 256;

    private readonly Vocabulary _vocabulary;
    private readonly Lazy<MergeTable> _merges;
    private readonly BpeTokenizer _inner;
    private readonly BpeTokenizer? _last;
    private readonly string _suffix;
    private readonly bool _wholeWords;
    private readonly UnknownCharacters _unknown;
    private readonly int[] _lengths;

    /// <param name="vocabulary">Token texts.</param>
    /// <param name="merges">Merges as <c>left right</c>, best first.</param>
    /// <param name="suffix">What the vocabulary writes at the end of a word, or empty.</param>
    /// <param name="wholeWords">Whether a piece that is a token is that token, whatever the merges say.</param>
    /// <param name="unknown">What becomes of unknown characters.</param>
    /// <exception cref="InvalidOperationException">A merge names a token that the vocabulary lacks.</exception>
    public BpeModel(Vocabulary vocabulary, IReadOnlyList<string> merges, string suffix, bool wholeWords, UnknownCharacters unknown)
    {
        (_vocabulary, _suffix, _wholeWords, _unknown) = (vocabulary, suffix, wholeWords, unknown);
        merges = WithoutRepetitions(merges);
        _merges = new Lazy<MergeTable>(() => new MergeTable(vocabulary.Ids, merges));
        _inner = BpeTokenizer.Create(new BpeOptions(vocabulary.Ids) { Merges = merges });
        if (suffix.Length > 0) _last = BpeTokenizer.Create(new BpeOptions(vocabulary.Ids) { Merges = merges, EndOfWordSuffix = suffix });
        _lengths = new int[vocabulary.Size];
        foreach ((string token, int id) in vocabulary.Ids)
            _lengths[id] = CodePoints.Of(suffix.Length > 0 && token.EndsWith(suffix, StringComparison.Ordinal) ? token[..^suffix.Length] : token).Length;
    }

    // A merge that occurs twice keeps its last rank, as in the tokenizers library; Microsoft.ML.Tokenizers takes each once only.
    private static IReadOnlyList<string> WithoutRepetitions(IReadOnlyList<string> merges)
    {
        HashSet<string> seen = new(merges.Count, StringComparer.Ordinal);
        bool repeated = false;
        foreach (string merge in merges) { repeated |= !seen.Add(merge); }
        if (!repeated) return merges;
        seen.Clear();
        List<string> last = [.. merges.Reverse().Where(seen.Add)];
        last.Reverse();
        return last;
    }

    public void Encode(AlignedText text, int start, int end, List<TokenSpan> tokens)
    {
        int capacity = 2 * (end - start);
        char[]? rented = null;
        Span<char> buffer = capacity <= 512 ? stackalloc char[512] : rented = ArrayPool<char>.Shared.Rent(capacity);
        ReadOnlySpan<char> piece = buffer[..text.CopyTo(start, end, buffer)];
        EncodePiece(text, start, end, piece, tokens);
        if (rented != null) ArrayPool<char>.Shared.Return(rented);
    }

    private void EncodePiece(AlignedText text, int start, int end, ReadOnlySpan<char> piece, List<TokenSpan> tokens)
    {
        if (_wholeWords && _vocabulary.TryGetId(piece, out int whole))
        {
            tokens.Add(new TokenSpan(whole, start, end));
            return;
        }

        int first = tokens.Count, known = start, from = 0, at = 0;
        for (int i = start; i < end; i++)
        {
            int length = text[i].Code < 0x10000 ? 1 : 2;
            if (!IsKnown(piece.Slice(at, length), last: i + 1 == end))
            {
                Merge(piece[from..at], known, false, tokens);
                _unknown.Encode(text, i, tokens, first);
                (known, from) = (i + 1, at + length);
            }
            at += length;
        }
        Merge(piece[from..], known, true, tokens);
    }

    private bool IsKnown(ReadOnlySpan<char> character, bool last) => last && _suffix.Length > 0
        ? _vocabulary.TryGetId(string.Concat(character, _suffix), out _)
        : _vocabulary.TryGetId(character, out _);

    private void Merge(ReadOnlySpan<char> stretch, int at, bool last, List<TokenSpan> tokens)
    {
        if (stretch.IsEmpty) return;
        if (stretch.Length > LongStretch)
        {
            MergeLong(stretch, at, last && _suffix.Length > 0, tokens);
            return;
        }

        BpeTokenizer merger = last && _last != null ? _last : _inner;
        foreach (int id in merger.EncodeToIds(stretch, considerPreTokenization: false, considerNormalization: false))
        {
            tokens.Add(new TokenSpan(id, at, at + _lengths[id]));
            at += _lengths[id];
        }
    }

    private void MergeLong(ReadOnlySpan<char> stretch, int at, bool suffixed, List<TokenSpan> tokens)
    {
        int[] symbols = ArrayPool<int>.Shared.Rent(stretch.Length);
        int count = 0;
        for (int i = 0, length; i < stretch.Length; i += length)
        {
            length = char.IsHighSurrogate(stretch[i]) && i + 1 < stretch.Length ? 2 : 1;
            ReadOnlySpan<char> character = stretch.Slice(i, length);
            // All are known (EncodePiece), so the look-up cannot fail.
            _ = suffixed && i + length == stretch.Length ? _vocabulary.TryGetId(string.Concat(character, _suffix), out symbols[count++]) : _vocabulary.TryGetId(character, out symbols[count++]);
        }

        count = _merges.Value.Apply(symbols.AsSpan(0, count));
        foreach (int id in symbols.AsSpan(0, count))
        {
            tokens.Add(new TokenSpan(id, at, at + _lengths[id]));
            at += _lengths[id];
        }

        ArrayPool<int>.Shared.Return(symbols);
    }
}
