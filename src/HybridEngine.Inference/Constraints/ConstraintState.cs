using HybridEngine.Core;

namespace HybridEngine.Inference;

/// <summary>Where one completion stands in a <see cref="TokenConstraint"/>. Belongs to one completion; not for use by several threads at once.</summary>
public abstract class ConstraintState
{
    /// <summary>
    /// The tokens that may come next: bit <c>i % 32</c> of word <c>i / 32</c> is token <c>i</c>, <c>ceil(VocabularySize / 32)</c> words, bits beyond the vocabulary 0.
    /// Never all zero: whatever was accepted can be completed. End tokens are set exactly where <see cref="IsComplete"/>.
    /// </summary>
    /// <remarks>The span may be a cached mask that other states share: read only, and valid until the next <see cref="Accept"/>.</remarks>
    public abstract ReadOnlySpan<uint> AllowedTokens { get; }

    /// <summary>Goes on with a token that was drawn.</summary>
    /// <param name="token">A token of <see cref="AllowedTokens"/>. After an end token nothing may follow.</param>
    /// <exception cref="InvalidInputException">The token is not allowed here; the state is unchanged.</exception>
    public abstract void Accept(int token);

    /// <summary>Whether the text so far is a whole member of the language: end tokens are then allowed.</summary>
    public abstract bool IsComplete { get; }

    /// <summary>Whether nothing but an end token may follow, or one was accepted: the completion ends here, whatever it says about end tokens (<see cref="SamplingOptions.IgnoreEos"/>).</summary>
    public abstract bool MustEnd { get; }

    /// <summary>An independent copy at the same place: for beams, for drafts that may be taken back, and for samples of one prompt.</summary>
    public abstract ConstraintState Clone();
}
