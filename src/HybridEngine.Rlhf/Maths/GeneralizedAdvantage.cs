namespace HybridEngine.Rlhf.Maths;

/// <summary>Generalised advantage estimation.</summary>
public static class GeneralizedAdvantage
{
    /// <summary><c>delta[t] = r[t] + gamma V[t+1] - V[t]</c>, <c>A[t] = delta[t] + gamma lambda A[t+1]</c>, <c>returns[t] = A[t] + V[t]</c>; V after a sequence's last token is 0.</summary>
    /// <param name="rewards">[tokens].</param>
    /// <param name="values">[tokens]: V[t] is the critic's value before token t was drawn.</param>
    /// <param name="offsets">[sequences + 1].</param>
    /// <param name="gamma">Discount, 0 to 1.</param>
    /// <param name="lambda">Trade of bias against variance, 0 to 1.</param>
    /// <param name="advantages">[tokens].</param>
    /// <param name="returns">[tokens]; or empty.</param>
    /// <remarks>Source: Schulman et al. 2015, arXiv 1506.02438, equations 11 to 16.</remarks>
    /// <exception cref="ArgumentException">Lengths do not agree.</exception>
    public static void Compute(ReadOnlySpan<float> rewards, ReadOnlySpan<float> values, ReadOnlySpan<int> offsets, double gamma, double lambda, Span<float> advantages, Span<float> returns = default)
    {
        Lengths.Require(values.Length, rewards.Length, nameof(values));
        Lengths.Require(advantages.Length, rewards.Length, nameof(advantages));
        Lengths.RequireOptional(returns.Length, rewards.Length, nameof(returns));
        Lengths.RequireOffsets(offsets, rewards.Length, nameof(offsets));
        for (int s = 0; s + 1 < offsets.Length; s++)
        {
            double advantage = 0, next = 0;
            for (int t = offsets[s + 1] - 1; t >= offsets[s]; t--)
            {
                advantage = rewards[t] + gamma * next - values[t] + gamma * lambda * advantage;
                next = values[t];
                advantages[t] = (float)advantage;
                if (!returns.IsEmpty) { returns[t] = (float)(advantage + next); }
            }
        }
    }
}
