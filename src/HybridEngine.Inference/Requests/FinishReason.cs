namespace HybridEngine.Inference;

/// <summary>Why a completion ended.</summary>
public enum FinishReason
{
    /// <summary>It has not.</summary>
    None,
    /// <summary>An end token, a stop id or a stop text.</summary>
    Stop,
    /// <summary>The largest number of new tokens.</summary>
    Length,
    /// <summary>No token may follow: constraint, banned words and least length together leave none.</summary>
    NoToken,
    /// <summary>The caller cancelled it; what was generated stays readable.</summary>
    Cancelled,
}
