namespace HybridEngine.Models;

/// <summary>Joins BERT's tokens: those with the prefix to the word before, the others by a space; may tidy the spaces around punctuation.</summary>
internal sealed class WordPieceDecoder(string prefix, bool cleanup) : IDecoder
{
    public List<string> Apply(List<string> tokens)
    {
        for (int i = 0; i < tokens.Count; i++)
        {
            if (i > 0) tokens[i] = tokens[i].StartsWith(prefix, StringComparison.Ordinal) ? tokens[i][prefix.Length..] : " " + tokens[i];
            if (cleanup) tokens[i] = Cleanup(tokens[i]);
        }
        return tokens;
    }

    /// <summary>Takes out the spaces that tokenizing put around English punctuation.</summary>
    public static string Cleanup(string token)
    {
        if (!token.Contains(' ', StringComparison.Ordinal)) return token;
        foreach ((string from, string to) in Spaced) token = token.Replace(from, to, StringComparison.Ordinal);
        return token;
    }

    private static readonly (string From, string To)[] Spaced =
    [
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"), (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ];
}

/// <summary>Reads the frames of a CTC model: equal neighbours are one, the padding token is nothing, the delimiter is a space.</summary>
internal sealed class CtcDecoder(string padding, string delimiter, bool cleanup) : IDecoder
{
    public List<string> Apply(List<string> tokens)
    {
        var result = new List<string>(tokens.Count);
        for (int i = 0; i < tokens.Count; i++)
        {
            if (i > 0 && tokens[i] == tokens[i - 1]) continue;
            string token = padding.Length > 0 ? tokens[i].Replace(padding, "", StringComparison.Ordinal) : tokens[i];
            if (cleanup) token = WordPieceDecoder.Cleanup(token);
            if (cleanup && delimiter.Length > 0) token = token.Replace(delimiter, " ", StringComparison.Ordinal);
            if (token.Length > 0) result.Add(token);
        }
        return result;
    }
}
