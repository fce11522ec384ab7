using HybridEngine.Core;

namespace HybridEngine.Inference;

/// <summary>A formal language, compiled for one vocabulary: completions that stay inside it are members of the language. Does not change; requests and threads share it.</summary>
public abstract class TokenConstraint
{
    /// <param name="vocabularySize">Tokens of the vocabulary: bits of a mask.</param>
    /// <exception cref="InvalidInputException"><paramref name="vocabularySize"/> is not positive.</exception>
    protected TokenConstraint(int vocabularySize)
    {
        if (vocabularySize <= 0) { throw new InvalidInputException("vocabulary", $"{vocabularySize} tokens", "at least one"); }
        VocabularySize = vocabularySize;
    }

    /// <summary>Tokens that masks speak of. A model's logits may have more columns: none of those is allowed.</summary>
    public int VocabularySize { get; }

    /// <summary>The state of a completion that has no tokens yet.</summary>
    public abstract ConstraintState Start();
}
