using System.Text;

namespace HybridEngine.Models;

public sealed partial class Tokenizer
{
    private volatile int _anchor = -1;

    /// <summary>The UTF-8 bytes that a token adds to a decoded text; single tokens may hold parts of a character.</summary>
    /// <param name="id">Token id.</param>
    /// <param name="first">Whether the token begins the text: some vocabularies drop the space that begins a text.</param>
    /// <returns>Empty for ids without a text, and for special tokens, which decoding skips.</returns>
    public byte[] TokenBytes(int id, bool first = false)
    {
        if (_vocabulary.Text(id) is not { } text || _specialTexts.Contains(text)) { return []; }
        if (HasDecoder<ByteLevelDecoder>(_parts.Decoder)) { return ByteLevelDecoder.Bytes(text); }
        if (HasDecoder<ByteFallbackDecoder>(_parts.Decoder) && ByteFallbackDecoder.TryByte(text, out byte value) && !(first && value == (byte)' ')) { return [value]; }
        if (first) { return Encoding.UTF8.GetBytes(DecodeKnown([id], skipSpecialTokens: true)); }
        // What a token adds after another: decoders may treat the first of a text differently.
        if (_anchor < 0) { _anchor = FindAnchor(); }
        int anchor = _anchor;
        string before = DecodeKnown([anchor], skipSpecialTokens: true), both = DecodeKnown([anchor, id], skipSpecialTokens: true);
        return both.StartsWith(before, StringComparison.Ordinal) ? Encoding.UTF8.GetBytes(both[before.Length..]) : [];
    }

    /// <summary>A token that is one ASCII letter: nothing that follows changes its text.</summary>
    private int FindAnchor()
    {
        for (int id = 0; id < VocabularySize; id++)
        {
            string text = DecodeKnown([id], skipSpecialTokens: true);
            if (text.Length == 1 && char.IsAsciiLetter(text[0])) { return id; }
        }

        return 0;
    }

    private static bool HasDecoder<T>(IDecoder? decoder) where T : IDecoder =>
        decoder is T || (decoder is DecoderSequence sequence && sequence.Steps.Any(HasDecoder<T>));
}
