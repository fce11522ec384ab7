using System.Buffers;

namespace HybridEngine.Models;

/// <summary>SentencePiece's byte pair encoding: of all neighbours whose joined text is a token, the pair with the best score is joined, the leftmost among equals.</summary>
/// <remarks>The order is by score of the result, not by a list of pairs, so it is not what Microsoft.ML.Tokenizers does (docs/decisions/0003). Source: SentencePiece, bpe_model.cc; time is n log n.</remarks>
internal sealed class ScoredBpeModel(Vocabulary vocabulary, float[] scores, UnknownCharacters unknown) : ITokenModel
{
    // A token's place by score, the best first; equal scores share one.
    private readonly int[] _order = Order(scores);
    private readonly int _longest = vocabulary.Ids.Keys.Max(text => text.Length);

    public void Encode(AlignedText text, int start, int end, List<TokenSpan> tokens)
    {
        int n = end - start, first = tokens.Count;
        char[] chars = ArrayPool<char>.Shared.Rent(2 * n);
        // offsets[i]: where character i begins in chars; symbols are runs of characters, linked by next and previous.
        var offsets = new int[n + 1];
        for (int i = 0; i < n; i++) offsets[i + 1] = offsets[i] + text.CopyTo(start + i, start + i + 1, chars.AsSpan(offsets[i]));
        var ends = new int[n];
        var previous = new int[n];
        for (int i = 0; i < n; i++) (ends[i], previous[i]) = (i + 1, i - 1);

        var heap = new PriorityQueue<(int Left, int Middle, int End), long>();
        for (int i = 0; i + 1 < n; i++) Offer(i, i + 1);
        while (heap.TryDequeue(out var pair, out _))
        {
            if (ends[pair.Left] != pair.Middle || ends[pair.Middle] != pair.End) continue;
            ends[pair.Left] = pair.End;
            ends[pair.Middle] = -1;
            if (pair.End < n)
            {
                previous[pair.End] = pair.Left;
                Offer(pair.Left, pair.End);
            }
            if (previous[pair.Left] >= 0) Offer(previous[pair.Left], pair.Left);
        }

        for (int i = 0; i < n; i = ends[i])
        {
            if (vocabulary.TryGetId(Span(i, ends[i]), out int id)) tokens.Add(new TokenSpan(id, start + i, start + ends[i]));
            else unknown.Encode(text, start + i, tokens, first);
        }
        ArrayPool<char>.Shared.Return(chars);

        ReadOnlySpan<char> Span(int from, int to) => chars.AsSpan(offsets[from], offsets[to] - offsets[from]);

        void Offer(int left, int middle)
        {
            int last = ends[middle];
            if (offsets[last] - offsets[left] <= _longest && vocabulary.TryGetId(Span(left, last), out int id)) heap.Enqueue((left, middle, last), ((long)_order[id] << 32) | (uint)left);
        }
    }

    private static int[] Order(float[] scores)
    {
        var order = new int[scores.Length];
        int[] best = [.. Enumerable.Range(0, scores.Length).OrderByDescending(id => scores[id])];
        for (int i = 1; i < best.Length; i++) order[best[i]] = scores[best[i]] == scores[best[i - 1]] ? order[best[i - 1]] : i;
        return order;
    }
}
