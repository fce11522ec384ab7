namespace HybridEngine.Models;

/// <summary>Hands a text to the model word by word where that cannot change the result: before a word mark, unless some token holds that mark behind the character before it.</summary>
/// <remarks>SentencePiece vocabularies come without a pre-tokenizer; merging a whole book at once takes a heap of all its pairs, and no word could be remembered.</remarks>
internal sealed class WordwiseModel : ITokenModel
{
    private const int Mark = 0x2581;

    private readonly ITokenModel _inner;
    private readonly HashSet<int> _joined;

    private WordwiseModel(ITokenModel inner, HashSet<int> joined) => (_inner, _joined) = (inner, joined);

    public int? QuotedToken => _inner.QuotedToken;

    /// <summary>The model, word by word if the vocabulary marks words.</summary>
    /// <param name="inner">A model that joins neighbours into tokens of the vocabulary, and nothing else.</param>
    /// <param name="vocabulary">All tokens.</param>
    public static ITokenModel Wrap(ITokenModel inner, Vocabulary vocabulary)
    {
        // A mark that is unknown would be joined with unknown characters before it.
        if (vocabulary.Find("\u2581") == null) return inner;
        var joined = new HashSet<int>();
        foreach (string token in vocabulary.Ids.Keys)
        {
            if (token.IndexOf((char)Mark, Math.Min(1, token.Length)) < 0) continue;
            int[] codes = CodePoints.Of(token);
            for (int i = 1; i < codes.Length; i++)
            {
                if (codes[i] == Mark) joined.Add(codes[i - 1]);
            }
        }
        // Runs of marks stay whole.
        joined.Add(Mark);
        return new WordwiseModel(inner, joined);
    }

    public void Encode(AlignedText text, int start, int end, List<TokenSpan> tokens)
    {
        int from = start;
        for (int i = start + 1; i < end; i++)
        {
            if (text[i].Code != Mark || _joined.Contains(text[i - 1].Code)) continue;
            _inner.Encode(text, from, i, tokens);
            from = i;
        }
        _inner.Encode(text, from, end, tokens);
    }
}
