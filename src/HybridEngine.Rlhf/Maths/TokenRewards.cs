namespace HybridEngine.Rlhf.Maths;

/// <summary>Rewards of PPO, per token.</summary>
public static class TokenRewards
{
    /// <summary>The score of a sequence as PPO uses it: minus the penalty when the answer has no end token, then clipped to +-clip.</summary>
    /// <param name="score">Raw score.</param>
    /// <param name="terminated">The answer ended by itself.</param>
    /// <param name="missingEndPenalty">At least 0, same unit as the score (TRL's <c>missing_eos_penalty</c>).</param>
    /// <param name="clip">Positive, or 0 for none (DeepSpeed-Chat's <c>clip_reward_value</c>: 5).</param>
    public static double Shape(double score, bool terminated, double missingEndPenalty, double clip)
    {
        double s = terminated ? score : score - missingEndPenalty;
        return clip > 0 ? Math.Clamp(s, -clip, clip) : s;
    }

    /// <summary><c>r[t] = -klCoefficient * kl[t]</c>, plus the sequence's score at its score index.</summary>
    /// <param name="kl">[tokens] estimates of the divergence from the reference, nats.</param>
    /// <param name="klCoefficient">beta.</param>
    /// <param name="scores">[sequences], already shaped.</param>
    /// <param name="offsets">[sequences + 1].</param>
    /// <param name="scoreIndices">[sequences] token (counted from the sequence's start) that gets the score; empty: the last token of each.</param>
    /// <param name="rewards">[tokens]; may be <paramref name="kl"/>.</param>
    /// <remarks>
    /// Source: Ziegler et al. 2019, equation 2; Ouyang et al. 2022, equation 2. DeepSpeed-Chat and TRL add the score one position after the last answer token where
    /// the row has room: give them segments of one position more (docs/rl/ppo.md) and the index of that position.
    /// </remarks>
    /// <exception cref="ArgumentException">Lengths do not agree.</exception>
    public static void Fill(ReadOnlySpan<float> kl, double klCoefficient, ReadOnlySpan<float> scores, ReadOnlySpan<int> offsets, ReadOnlySpan<int> scoreIndices, Span<float> rewards)
    {
        Lengths.Require(rewards.Length, kl.Length, nameof(rewards));
        Lengths.RequireOffsets(offsets, kl.Length, nameof(offsets));
        Lengths.Require(scores.Length, offsets.Length - 1, nameof(scores));
        Lengths.RequireOptional(scoreIndices.Length, scores.Length, nameof(scoreIndices));
        for (int s = 0; s < scores.Length; s++)
        {
            int length = offsets[s + 1] - offsets[s], index = scoreIndices.IsEmpty ? length - 1 : scoreIndices[s];
            if (length > 0 && (uint)index >= (uint)length)
            {
                throw new ArgumentException($"scoreIndices[{s}] is {index}, expected an index into the {length} tokens of the sequence.", nameof(scoreIndices));
            }

            for (int t = 0; t < length; t++)
            {
                double r = -klCoefficient * kl[offsets[s] + t] + (t == index ? scores[s] : 0);
                rewards[offsets[s] + t] = (float)r;
            }
        }
    }
}
