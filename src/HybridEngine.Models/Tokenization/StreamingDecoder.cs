namespace HybridEngine.Models;

/// <summary>Turns ids into text one at a time, without ever showing half a character.</summary>
/// <remarks>The text shown after k ids is the decoding of those k ids without trailing U+FFFD, as long as it extends what was shown before; so the pieces join to
/// the decoding of all ids. Not for use by several threads.</remarks>
public sealed class StreamingDecoder
{
    // The window is cut back to its last few tokens when it gets long: each id then costs the decoding of a bounded number of tokens.
    private const int LongWindow = 64, KeptTokens = 8;

    private readonly Tokenizer _tokenizer;
    private readonly bool _skipSpecialTokens;
    private readonly List<int> _window = [];
    private string _shown = "";

    /// <summary>A decoder at the start of a text.</summary>
    /// <param name="tokenizer">The vocabulary.</param>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
    public StreamingDecoder(Tokenizer tokenizer, bool skipSpecialTokens = true)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        (_tokenizer, _skipSpecialTokens) = (tokenizer, skipSpecialTokens);
    }

    /// <summary>Takes the next id.</summary>
    /// <param name="id">Token id; one without a text gives none.</param>
    /// <returns>The text that became certain; often empty inside a character.</returns>
    public string Add(int id)
    {
        _window.Add(id);
        string text = Decode();
        string visible = text.TrimEnd('\uFFFD');
        string piece = "";
        if (visible.StartsWith(_shown, StringComparison.Ordinal)) (piece, _shown) = (visible[_shown.Length..], visible);
        if (_window.Count >= LongWindow && _shown.Length == text.Length) CutWindow(id);
        return piece;
    }

    /// <summary>Ends the text.</summary>
    /// <returns>What is left: U+FFFD for the bytes of a character that was not finished.</returns>
    public string Flush()
    {
        string text = Decode();
        string rest = text.StartsWith(_shown, StringComparison.Ordinal) ? text[_shown.Length..] : "";
        _window.Clear();
        _shown = "";
        return rest;
    }

    /// <summary>Forgets old tokens where nothing that follows can change their text: all of it is shown, and no run of byte tokens is open.</summary>
    private void CutWindow(int last)
    {
        if (_tokenizer.IdToToken(last) is not { } token || ByteFallbackDecoder.TryByte(token, out _)) return;
        List<int> kept = _window.GetRange(_window.Count - KeptTokens, KeptTokens);
        string text = _tokenizer.DecodeKnown([.. kept], _skipSpecialTokens);
        // An empty text would let a decoder that strips the first space strip a later one.
        if (text.Length == 0) return;
        _window.RemoveRange(0, _window.Count - KeptTokens);
        _shown = text;
    }

    private string Decode() => _tokenizer.DecodeKnown([.. _window], _skipSpecialTokens);
}
