using System.Buffers;
using System.Collections.Concurrent;

namespace HybridEngine.Models;

/// <summary>Remembers the tokens of short pieces: words come again and again. The number of entries is bounded, so memory is.</summary>
/// <param name="inner">The model; what it makes of a piece must depend on the piece alone.</param>
internal sealed class CachedModel(ITokenModel inner) : ITokenModel
{
    private const int LongestCached = 32, CacheEntries = 1 << 16;

    private readonly ConcurrentDictionary<string, CachedToken[]> _cache = new(StringComparer.Ordinal);
    private int _count;

    public int? QuotedToken => inner.QuotedToken;

    public void Encode(AlignedText text, int start, int end, List<TokenSpan> tokens)
    {
        if (end - start > LongestCached)
        {
            inner.Encode(text, start, end, tokens);
            return;
        }
        Span<char> buffer = stackalloc char[2 * LongestCached];
        ReadOnlySpan<char> piece = buffer[..text.CopyTo(start, end, buffer)];
        var cached = _cache.GetAlternateLookup<ReadOnlySpan<char>>();
        if (cached.TryGetValue(piece, out CachedToken[]? known))
        {
            foreach (CachedToken token in known) tokens.Add(new TokenSpan(token.Id, start + token.Start, start + token.End));
            return;
        }
        int first = tokens.Count;
        inner.Encode(text, start, end, tokens);
        if (_count >= CacheEntries) return;
        var entry = new CachedToken[tokens.Count - first];
        for (int i = 0; i < entry.Length; i++)
        {
            TokenSpan token = tokens[first + i];
            entry[i] = new CachedToken(token.Id, (byte)(token.Start - start), (byte)(token.End - start));
        }
        if (cached.TryAdd(piece, entry)) Interlocked.Increment(ref _count);
    }

    private readonly record struct CachedToken(int Id, byte Start, byte End);
}
