namespace HybridEngine.Rlhf;

/// <summary>One sampled answer.</summary>
/// <param name="Prompt">What was asked.</param>
/// <param name="Completion">Sampled tokens, the end token included when there is one.</param>
/// <param name="LogProbs">[completion] recorded while sampling: the old policy of PPO.</param>
/// <param name="Terminated">The answer ended by itself, not at the limit.</param>
/// <param name="Text">The answer as text, special tokens left out.</param>
public sealed record Rollout(RolloutPrompt Prompt, int[] Completion, float[] LogProbs, bool Terminated, string Text)
{
    /// <summary>Prompt and completion.</summary>
    public int[] Sequence { get; } = [.. Prompt.Ids, .. Completion];
}
