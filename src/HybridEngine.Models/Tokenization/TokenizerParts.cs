namespace HybridEngine.Models;

/// <summary>What a <see cref="Tokenizer"/> is put together from.</summary>
internal sealed record TokenizerParts(Vocabulary Vocabulary, ITokenModel Model)
{
    public IReadOnlyList<AddedToken> Added { get; init; } = [];

    public INormalizer? Normalizer { get; init; }

    public IPreTokenizer? PreTokenizer { get; init; }

    public IPostProcessor? PostProcessor { get; init; }

    public Truncation? Truncation { get; init; }

    public Padding? Padding { get; init; }

    public IDecoder? Decoder { get; init; }

    /// <summary>Texts of <c>bos_token</c>, <c>eos_token</c>, <c>unk_token</c>, <c>pad_token</c> and the like.</summary>
    public IReadOnlyDictionary<string, string> SpecialTokens { get; init; } = new Dictionary<string, string>();

    public IReadOnlyList<int> EndTokenIds { get; init; } = [];

    /// <summary>Source of the chat template.</summary>
    public string? ChatTemplate { get; init; }

    /// <summary>The tokenizer.json that this was made from, UTF-8; kept so that a trained model can be saved with its tokenizer.</summary>
    public ReadOnlyMemory<byte> Json { get; init; }
}
