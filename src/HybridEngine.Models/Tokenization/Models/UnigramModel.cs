using System.Buffers;
using System.Text;

namespace HybridEngine.Models;

/// <summary>SentencePiece's unigram model: of all divisions into tokens, the one with the greatest sum of scores.</summary>
/// <remarks>A character that no token covers costs ten less than the worst token; neighbouring ones become one unknown token, or their bytes.
/// Source: Kudo 2018, and <c>models/unigram</c> of the tokenizers library. Time is the text's length times the longest token's.</remarks>
internal sealed class UnigramModel : ITokenModel
{
    private const double UnknownPenalty = 10;

    private readonly DoubleArrayTrie _trie;
    private readonly double[] _scores;
    private readonly double _unknownScore;
    private readonly int? _unknown;
    private readonly int[]? _byteTokens;
    private readonly string _file;

    /// <param name="vocabulary">Token texts.</param>
    /// <param name="scores">Logarithms of the tokens' probabilities, by id.</param>
    /// <param name="unknown">The unknown token, or null: unknown characters are then an error.</param>
    /// <param name="byteTokens">Ids of the 256 byte tokens, or null without byte fallback.</param>
    /// <param name="file">What messages call the vocabulary.</param>
    public UnigramModel(Vocabulary vocabulary, double[] scores, int? unknown, int[]? byteTokens, string file)
    {
        (_scores, _unknown, _byteTokens, _file) = (scores, unknown, byteTokens, file);
        _trie = new DoubleArrayTrie(vocabulary.Ids.Where(token => token.Key.Length > 0).Select(token => KeyValuePair.Create(Encoding.UTF8.GetBytes(token.Key), token.Value)));
        _unknownScore = scores.Min() - UnknownPenalty;
    }

    /// <summary>An unknown token reads as the text that it was found for.</summary>
    public int? QuotedToken => _unknown;

    public void Encode(AlignedText text, int start, int end, List<TokenSpan> tokens)
    {
        int n = end - start;
        double[] best = ArrayPool<double>.Shared.Rent(n + 1);
        // The last token of the best division of the first i characters, and where it begins.
        int[] ids = ArrayPool<int>.Shared.Rent(n + 1), starts = ArrayPool<int>.Shared.Rent(n + 1);
        Array.Fill(starts, -1, 0, n + 1);
        best[0] = 0;
        for (int i = 0; i < n; i++)
        {
            int state = DoubleArrayTrie.Root;
            bool covered = false;
            for (int j = i; j < n && _trie.TryStep(ref state, text[start + j].Code); j++)
            {
                int id = _trie.Value(state);
                if (id < 0) continue;
                Offer(i, j + 1, id, _scores[id]);
                covered |= j == i;
            }
            if (!covered) Offer(i, i + 1, _unknown ?? -1, _unknownScore);
        }

        // Read backwards, then turned round; neighbouring unknown tokens are joined on the way.
        int first = tokens.Count;
        for (int at = n; at > 0; at = starts[at])
        {
            int from = starts[at];
            if (ids[at] == _unknown && tokens.Count > first && tokens[^1].Id == _unknown) tokens[^1] = tokens[^1] with { Start = start + from };
            else tokens.Add(new TokenSpan(ids[at], start + from, start + at));
        }
        tokens.Reverse(first, tokens.Count - first);
        bool unknownMet = false;
        for (int i = first; i < tokens.Count && !unknownMet; i++) unknownMet = tokens[i].Id < 0 || (_byteTokens != null && tokens[i].Id == _unknown);
        if (unknownMet) ReplaceUnknown(text, tokens, first);

        ArrayPool<double>.Shared.Return(best);
        ArrayPool<int>.Shared.Return(ids);
        ArrayPool<int>.Shared.Return(starts);

        void Offer(int from, int to, int id, double score)
        {
            double sum = best[from] + score;
            if (starts[to] < 0 || sum > best[to]) (best[to], ids[to], starts[to]) = (sum, id, from);
        }
    }

    private void ReplaceUnknown(AlignedText text, List<TokenSpan> tokens, int first)
    {
        List<TokenSpan> found = tokens.GetRange(first, tokens.Count - first);
        tokens.RemoveRange(first, tokens.Count - first);
        Span<byte> bytes = stackalloc byte[4];
        foreach (TokenSpan token in found)
        {
            if (_byteTokens == null && token.Id < 0) throw new Core.InvalidInputException(_file, $"the character '{text.ToText(token.Start, token.Start + 1)}', no unk_id and no byte fallback", "a text of the vocabulary's characters");
            if (_byteTokens == null || token.Id != (_unknown ?? -1))
            {
                tokens.Add(token);
                continue;
            }
            // All bytes of a run share its offsets, as in the tokenizers library.
            for (int i = token.Start; i < token.End; i++)
            {
                int length = new Rune(text[i].Code).EncodeToUtf8(bytes);
                foreach (byte value in bytes[..length]) tokens.Add(token with { Id = _byteTokens[value] });
            }
        }
    }
}
