namespace HybridEngine.Models;

/// <summary>A text as tokens. All lists have the same length.</summary>
/// <param name="Ids">Token ids.</param>
/// <param name="Tokens">Token texts as the vocabulary writes them; for an added token, and for Unigram's unknown token, the text that was found.</param>
/// <param name="Offsets">The part of the text that each covers, <c>[start, end)</c> in Unicode code points; (0, 0) for added special tokens.</param>
/// <param name="TypeIds">0, or 1 for tokens of a second text where the model tells the two apart.</param>
public sealed record TokenizedText(IReadOnlyList<int> Ids, IReadOnlyList<string> Tokens, IReadOnlyList<(int Start, int End)> Offsets, IReadOnlyList<int> TypeIds)
{
    /// <summary>1 for a token of the text, 0 for padding.</summary>
    public IReadOnlyList<int> AttentionMask { get; init; } = [];

    /// <summary>What a <c>truncation</c> section cut off, in parts of its length, made while they are read; empty without one.</summary>
    public IEnumerable<TokenizedText> Overflowing { get; init; } = [];

    /// <summary>A result of tokens with padding around it.</summary>
    /// <param name="tokens">The tokens.</param>
    /// <param name="padding">The padding, or null.</param>
    /// <param name="length">The length that padding reaches.</param>
    internal static TokenizedText Of(List<Token> tokens, Padding? padding, int length)
    {
        int missing = padding == null ? 0 : Math.Max(0, length - tokens.Count), left = padding is { OnLeft: true } ? missing : 0, right = missing - left;
        int count = left + tokens.Count + right;
        var ids = new int[count];
        var texts = new string[count];
        var offsets = new (int, int)[count];
        var types = new int[count];
        var mask = new int[count];
        for (int i = 0; i < count; i++)
        {
            bool real = i >= left && i < left + tokens.Count;
            Token token = real ? tokens[i - left] : padding!.Filler;
            (ids[i], texts[i], offsets[i], types[i], mask[i]) = (token.Id, token.Text, (token.Start, token.End), token.TypeId, real ? 1 : 0);
        }
        return new TokenizedText(ids, texts, offsets, types) { AttentionMask = mask };
    }
}
