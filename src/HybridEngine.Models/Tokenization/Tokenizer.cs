using System.Globalization;
using HybridEngine.Core;

namespace HybridEngine.Models;

/// <summary>Text to token ids and back, by the vocabulary and the rules of one model. Instances do not change and may be shared by threads.</summary>
/// <remarks>The order of work is that of the tokenizers library: added tokens are cut out, what is between them is normalized, split into pieces, each piece
/// encoded by the model, and a post-processor adds the special tokens. Each step keeps the alignment to the original text.</remarks>
public sealed partial class Tokenizer
{
    private readonly TokenizerParts _parts;
    private readonly Vocabulary _vocabulary;
    private readonly AddedTokens _rawTokens = new();
    private readonly AddedTokens _normalizedTokens = new();
    private readonly HashSet<string> _specialTexts = new(StringComparer.Ordinal);
    private readonly HashSet<int> _specialIds = [];

    private Tokenizer(TokenizerParts parts)
    {
        (_parts, _vocabulary) = (parts, parts.Vocabulary);
        foreach (AddedToken token in parts.Added)
        {
            AlignedText pattern = AlignedText.FromString(token.Content);
            if (token.Normalized && parts.Normalizer != null)
            {
                // Its text is from then on the normalized one, as in the tokenizers library.
                pattern = parts.Normalizer.Apply(pattern);
                _vocabulary.Rename(token.Id, pattern.ToText());
            }
            if (token.Normalized) _normalizedTokens.Add(token, pattern.Units);
            else _rawTokens.Add(token, pattern.Units);
            if (!token.Special) continue;
            _specialTexts.Add(token.Content);
            _specialIds.Add(token.Id);
        }
        ChatTemplate = parts.ChatTemplate is { } template ? new ChatTemplate(template, SpecialTokenTexts()) : null;
    }

    /// <summary>One more than the largest token id. A model's embedding may have more rows; those ids stand for no text.</summary>
    public int VocabularySize => _vocabulary.Size;

    /// <summary>The token that begins a text, if the model has one.</summary>
    public int? BosTokenId => Special("bos_token");

    /// <summary>The token that ends a text, if the model has one.</summary>
    public int? EosTokenId => Special("eos_token");

    /// <summary>The token that fills up, if the model has one.</summary>
    public int? PadTokenId => Special("pad_token");

    /// <summary>Every token that ends an answer: <see cref="EosTokenId"/>, and the end of a turn where the model has one of its own.</summary>
    public IReadOnlyList<int> EndTokenIds => _parts.EndTokenIds;

    /// <summary>The model's chat template, if it has one.</summary>
    public ChatTemplate? ChatTemplate { get; }

    /// <summary>The id of a token, written as the vocabulary writes it, or null.</summary>
    /// <param name="token">The token's text.</param>
    public int? TokenToId(string token) => _vocabulary.Find(token);

    /// <summary>The token of an id as the vocabulary writes it, or null where there is none.</summary>
    /// <param name="id">Token id.</param>
    public string? IdToToken(int id) => _vocabulary.Text(id);

    /// <summary>Whether an id is a special token, one that <c>skipSpecialTokens</c> skips.</summary>
    /// <param name="id">Token id.</param>
    public bool IsSpecial(int id) => _specialIds.Contains(id);

    /// <summary>Text to ids: all of it, whatever the file's <c>truncation</c> and <c>padding</c> sections say.</summary>
    /// <param name="text">Any text. An unpaired surrogate counts as U+FFFD.</param>
    /// <param name="addSpecialTokens">Whether the tokens that the model expects around a text are added.</param>
    /// <returns>Token ids.</returns>
    public int[] Encode(string text, bool addSpecialTokens = true)
    {
        List<Token> tokens = Finish([EncodeText(text, 0)], addSpecialTokens);
        var ids = new int[tokens.Count];
        for (int i = 0; i < ids.Length; i++) ids[i] = tokens[i].Id;
        return ids;
    }

    /// <summary>Text to ids, with the token texts and the part of the text that each covers; cut and filled up where the file has <c>truncation</c> and <c>padding</c> sections.</summary>
    /// <param name="text">Any text.</param>
    /// <param name="addSpecialTokens">Whether the tokens that the model expects around a text are added.</param>
    /// <param name="pair">A second text that belongs to the first, or null.</param>
    /// <exception cref="InvalidInputException">The <c>truncation</c> section asks for what this text cannot give.</exception>
    public TokenizedText EncodeWithOffsets(string text, bool addSpecialTokens = true, string? pair = null)
    {
        List<List<Token>> texts = [EncodeText(text, 0)];
        if (pair != null) texts.Add(EncodeText(pair, 1));
        if (_parts.Truncation is not { } truncation) return Result(Finish(texts, addSpecialTokens), null);
        int added = addSpecialTokens ? Finish([.. texts.Select(_ => new List<Token>())], true).Count : 0;
        IEnumerable<List<Token>> parts = truncation.Apply(texts, added).Select(part => Finish([.. part.Select(tokens => new List<Token>(tokens))], addSpecialTokens));
        TokenizedText fitting = Result(parts.First(), null);
        return fitting with { Overflowing = parts.Skip(1).Select(part => Result(part, fitting.Ids.Count)) };

        // Parts that were cut off are filled up to the length of what is kept.
        TokenizedText Result(List<Token> tokens, int? length) => TokenizedText.Of(tokens, _parts.Padding, length ?? _parts.Padding?.LengthOf(tokens.Count) ?? 0);
    }

    /// <summary>Ids to text.</summary>
    /// <param name="ids">Token ids.</param>
    /// <param name="skipSpecialTokens">Whether special tokens are left out.</param>
    /// <returns>The text; bytes that are not UTF-8 become U+FFFD.</returns>
    /// <exception cref="InvalidInputException">An id is negative or beyond the vocabulary.</exception>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = false)
    {
        foreach (int id in ids)
        {
            if ((uint)id >= (uint)VocabularySize) throw new InvalidInputException("ids", $"token id {id.ToString(CultureInfo.InvariantCulture)}", $"0 to {VocabularySize - 1}");
        }
        return DecodeKnown(ids, skipSpecialTokens);
    }

    /// <summary>As <see cref="Decode"/>, but ids without a text decode to nothing: a model may have more rows than tokens.</summary>
    internal string DecodeKnown(ReadOnlySpan<int> ids, bool skipSpecialTokens)
    {
        var tokens = new List<string>(ids.Length);
        foreach (int id in ids)
        {
            string? text = _vocabulary.Text(id);
            if (text != null && !(skipSpecialTokens && _specialTexts.Contains(text))) tokens.Add(text);
        }
        return _parts.Decoder == null ? string.Join(' ', tokens) : string.Concat(_parts.Decoder.Apply(tokens));
    }

    /// <summary>The post-processor's part: special tokens, offsets; takes the lists over.</summary>
    private List<Token> Finish(List<List<Token>> texts, bool addSpecialTokens)
    {
        if (_parts.PostProcessor != null) texts = _parts.PostProcessor.Apply(texts, addSpecialTokens);
        return texts.Count == 1 ? texts[0] : [.. texts.SelectMany(tokens => tokens)];
    }

    private List<Token> EncodeText(string text, int typeId)
    {
        ArgumentNullException.ThrowIfNull(text);
        AlignedText original = AlignedText.FromString(text);
        var tokens = new List<Token>();
        foreach (Stretch raw in _rawTokens.IsEmpty ? [new Stretch(-1, 0, original.Length)] : _rawTokens.Divide(original))
        {
            AlignedText part = original.Slice(raw.Start, raw.End);
            if (raw.Id >= 0)
            {
                AddWhole(raw.Id, part, tokens, typeId);
                continue;
            }
            AlignedText normal = _parts.Normalizer?.Apply(part) ?? part;
            foreach (Stretch stretch in _normalizedTokens.IsEmpty ? [new Stretch(-1, 0, normal.Length)] : _normalizedTokens.Divide(normal))
            {
                AlignedText inner = normal.Slice(stretch.Start, stretch.End);
                if (stretch.Id >= 0) AddWhole(stretch.Id, inner, tokens, typeId);
                else EncodeStretch(inner, tokens, typeId);
            }
        }
        return tokens;
    }

    private static void AddWhole(int id, AlignedText text, List<Token> tokens, int typeId) =>
        tokens.Add(new Token(id, text.ToText(), text[0].Start, text[text.Length - 1].End, typeId));

    private void EncodeStretch(AlignedText text, List<Token> tokens, int typeId)
    {
        PreTokenized pieces = PreTokenized.Whole(text);
        if (_parts.PreTokenizer != null) pieces = _parts.PreTokenizer.Apply(pieces);
        var spans = new List<TokenSpan>();
        foreach ((int start, int end) in pieces.Pieces)
        {
            spans.Clear();
            _parts.Model.Encode(pieces.Text, start, end, spans);
            foreach (TokenSpan span in spans)
            {
                string name = span.Id == _parts.Model.QuotedToken ? pieces.Text.ToText(span.Start, span.End) : _vocabulary.Text(span.Id) ?? "";
                tokens.Add(new Token(span.Id, name, pieces.Text[span.Start].Start, pieces.Text[span.End - 1].End, typeId));
            }
        }
    }

    private int? Special(string name) => _parts.SpecialTokens.TryGetValue(name, out string? text) ? TokenToId(text) : null;

    /// <summary>The special tokens by the names under which templates know them (<c>bos_token</c>, ...).</summary>
    internal IReadOnlyDictionary<string, string> SpecialTokenTexts() => _parts.SpecialTokens;
}
