using System.Text;

namespace HybridEngine.Models;

/// <summary>BERT's WordPiece: from left to right the longest token that fits; tokens inside a word carry a prefix. A word that cannot be covered is one unknown token.</summary>
/// <remarks>Source: Devlin et al. 2018, and <c>models/wordpiece</c> of the tokenizers library.</remarks>
internal sealed class WordPieceModel : ITokenModel
{
    private readonly DoubleArrayTrie _trie;
    private readonly int _inside;
    private readonly int _unknown;
    private readonly int _longestWord;

    /// <param name="vocabulary">Token texts.</param>
    /// <param name="prefix">What tokens inside a word begin with, as <c>##</c>.</param>
    /// <param name="unknown">The unknown token.</param>
    /// <param name="longestWord">A word of more characters is unknown.</param>
    public WordPieceModel(Vocabulary vocabulary, string prefix, int unknown, int longestWord)
    {
        (_unknown, _longestWord) = (unknown, longestWord);
        _trie = new DoubleArrayTrie(vocabulary.Ids.Select(token => KeyValuePair.Create(Encoding.UTF8.GetBytes(token.Key), token.Value)));
        _inside = DoubleArrayTrie.Root;
        foreach (byte value in Encoding.UTF8.GetBytes(prefix))
        {
            if (_trie.TryStep(ref _inside, value)) continue;
            _inside = -1;
            break;
        }
    }

    public void Encode(AlignedText text, int start, int end, List<TokenSpan> tokens)
    {
        int first = tokens.Count;
        for (int at = start; at < end && end - start <= _longestWord;)
        {
            int state = at == start ? DoubleArrayTrie.Root : _inside, id = -1, to = at;
            for (int i = at; state >= 0 && i < end && _trie.TryStep(ref state, text[i].Code); i++)
            {
                if (_trie.Value(state) is >= 0 and int found) (id, to) = (found, i + 1);
            }
            if (id < 0) break;
            tokens.Add(new TokenSpan(id, at, to));
            at = to;
        }
        if (tokens.Count > first && tokens[^1].End == end) return;
        tokens.RemoveRange(first, tokens.Count - first);
        tokens.Add(new TokenSpan(_unknown, start, end));
    }
}

/// <summary>Whole pieces are tokens; what is not in the vocabulary is unknown.</summary>
/// <param name="vocabulary">Token texts.</param>
/// <param name="unknown">The unknown token.</param>
internal sealed class WordLevelModel(Vocabulary vocabulary, int unknown) : ITokenModel
{
    public void Encode(AlignedText text, int start, int end, List<TokenSpan> tokens) => tokens.Add(new TokenSpan(vocabulary.Find(text.ToText(start, end)) ?? unknown, start, end));
}
