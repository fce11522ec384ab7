using System.Text;

namespace HybridEngine.Models;

/// <summary>What becomes of a character that the vocabulary lacks: its bytes, an unknown token, or nothing.</summary>
/// <param name="byteTokens">Ids of the 256 byte tokens, or null without byte fallback.</param>
/// <param name="unknownId">The unknown token, or null: the character is dropped.</param>
/// <param name="fuse">Whether neighbours share one unknown token.</param>
internal sealed class UnknownCharacters(int[]? byteTokens, int? unknownId, bool fuse)
{
    /// <param name="text">The text that holds the character.</param>
    /// <param name="at">Where it stands.</param>
    /// <param name="tokens">Tokens so far.</param>
    /// <param name="first">How many of them belong to other pieces; those are not fused with.</param>
    public void Encode(AlignedText text, int at, List<TokenSpan> tokens, int first)
    {
        if (byteTokens != null)
        {
            Span<byte> bytes = stackalloc byte[4];
            int length = new Rune(text[at].Code).EncodeToUtf8(bytes);
            foreach (byte value in bytes[..length]) tokens.Add(new TokenSpan(byteTokens[value], at, at + 1));
        }
        else if (unknownId is { } id)
        {
            if (fuse && tokens.Count > first && tokens[^1].Id == id && tokens[^1].End == at) tokens[^1] = tokens[^1] with { End = at + 1 };
            else tokens.Add(new TokenSpan(id, at, at + 1));
        }
    }
}
